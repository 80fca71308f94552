select row_to_json("r$9")
from (select (select row_to_json("r$8")
    from (select (select coalesce(json_agg("r$1"), '[]')
        from (select "b$2"."title" as "title"
          from (select "t$3"."title", "t$3"."title" as "o$1"
            from "public"."article" as "t$3"
            where ("t$3"."published" = $1::"pg_catalog"."bool")
            order by "t$3"."title" asc nulls last limit $2::"pg_catalog"."int8") as "b$2") as "r$1") as "article_s", (select row_to_json("r$7")
        from (select (select row_to_json("r$6")
            from (select "f$5"."a$1" as "count"
              from (select count(*) as "a$1"
                from "public"."author" as "t$4") as "f$5") as "r$6") as "aggregate") as "r$7") as "author_aggregate_s") as "r$8") as "shelf") as "r$9"
