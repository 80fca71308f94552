select row_to_json("r$9")
from (select (select row_to_json("r$8")
    from (select (select row_to_json("r$4")
        from (select "f$2"."a$1" as "count", (select row_to_json("r$3")
            from (select "f$2"."a$2" as "rating") as "r$3") as "max"
          from (select count(*) as "a$1", max("t$1"."rating") as "a$2"
            from "public"."search_articles"($1::"pg_catalog"."text") as "t$1") as "f$2") as "r$4") as "aggregate", (select coalesce(json_agg("r$5"), '[]')
        from (select "b$6"."title" as "title"
          from (select "t$7"."title", "t$7"."title" as "o$1"
            from "public"."search_articles"($1::"pg_catalog"."text") as "t$7"
            order by "t$7"."title" asc nulls last) as "b$6") as "r$5") as "nodes") as "r$8") as "search_articles_aggregate") as "r$9"
