select row_to_json("r$8")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "b$2"."title" as "title"
      from (select "t$3"."title"
        from "public"."search_articles"($1::"pg_catalog"."text") as "t$3"
        where ("t$3"."published" = $2::"pg_catalog"."bool") limit $3::"pg_catalog"."int8") as "b$2") as "r$1") as "search_articles", (select row_to_json("r$7")
    from (select (select row_to_json("r$6")
        from (select "f$5"."a$1" as "count"
          from (select count(*) as "a$1"
            from "public"."article" as "t$4"
            where ("t$4"."published" = $2::"pg_catalog"."bool")) as "f$5") as "r$6") as "aggregate") as "r$7") as "article_aggregate") as "r$8"
