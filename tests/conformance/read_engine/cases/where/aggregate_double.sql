select row_to_json("r$5")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "t$2"."title" as "title"
      from "public"."article" as "t$2"
      where ((select max("t$2.1"."printed")
          from "archive"."edition" as "t$2.1"
          where "t$2.1"."article_id" = "t$2"."id") > $1::"pg_catalog"."float8")) as "r$1") as "max", (select coalesce(json_agg("r$3"), '[]')
    from (select "t$4"."title" as "title"
      from "public"."article" as "t$4"
      where (((select sum("t$4.1"."printed")
            from "archive"."edition" as "t$4.1"
            where "t$4.1"."article_id" = "t$4"."id") is null) and ((select count(*)
            from "archive"."edition" as "t$4.1"
            where "t$4.1"."article_id" = "t$4"."id") > $2::"pg_catalog"."int4"))) as "r$3") as "sum") as "r$5"
