select row_to_json("r$3")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "t$2"."title" as "title"
      from "public"."article" as "t$2"
      where ((select corr("t$2.1"."minutes", "t$2.1"."pages")
          from "public"."reading" as "t$2.1"
          where "t$2.1"."article_id" = "t$2"."id") > $1::"pg_catalog"."float8")) as "r$1") as "article") as "r$3"
