select row_to_json("r$6")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "b$2"."title" as "title"
      from (select "t$3"."title", "t$3"."title" as "o$1"
        from "public"."article" as "t$3"
        where (exists (select 1
            from "archive"."edition" as "t$3.1"
            where "t$3.1"."article_id" = "t$3"."id" and ("t$3.1"."tenant" = $1::"pg_catalog"."text")) and ((select count(*)
              from "archive"."edition" as "t$3.1"
              where "t$3.1"."article_id" = "t$3"."id" and ("t$3.1"."tenant" = $1::"pg_catalog"."text")) = $2::"pg_catalog"."int4"))
        order by "t$3"."title" asc nulls last) as "b$2") as "r$1") as "article", (select coalesce(json_agg("r$4"), '[]')
    from (select "t$5"."title" as "title"
      from "public"."article" as "t$5"
      where (exists (select 1
          from "archive"."edition" as "t$5.1"
          where "t$5.1"."article_id" = "t$5"."id" and ("t$5.1"."tenant" = $1::"pg_catalog"."text")) and ((select count(*)
            from "archive"."edition" as "t$5.1"
            where "t$5.1"."article_id" = "t$5"."id" and ("t$5.1"."tenant" = $1::"pg_catalog"."text")) > $3::"pg_catalog"."int4"))) as "r$4") as "none") as "r$6"
