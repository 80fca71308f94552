select row_to_json("r$8")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "t$2"."title" as "title"
      from "public"."article" as "t$2"
      where ((select corr("t$2.1"."minutes", "t$2.1"."pages")
          from "public"."reading" as "t$2.1"
          where "t$2.1"."article_id" = "t$2"."id") < $1::"pg_catalog"."float8")) as "r$1") as "corr", (select coalesce(json_agg("r$3"), '[]')
    from (select "t$4"."title" as "title"
      from "public"."article" as "t$4"
      where ((select covar_samp(distinct "t$4.1"."minutes", "t$4.1"."pages")
          from "public"."reading" as "t$4.1"
          where "t$4.1"."article_id" = "t$4"."id") > $2::"pg_catalog"."float8")) as "r$3") as "covar", (select coalesce(json_agg("r$5"), '[]')
    from (select "b$6"."title" as "title"
      from (select "t$7"."title", "t$7"."title" as "o$1"
        from "public"."article" as "t$7"
        where ((select corr("t$7.1"."pages", "t$7.1"."minutes")
            from "public"."reading" as "t$7.1"
            where "t$7.1"."article_id" = "t$7"."id" and ("t$7.1"."pages" > $3::"pg_catalog"."float8")) is null)
        order by "t$7"."title" asc nulls last) as "b$6") as "r$5") as "none") as "r$8"
