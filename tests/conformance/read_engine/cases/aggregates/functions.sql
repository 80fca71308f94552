select row_to_json("r$12")
from (select (select row_to_json("r$11")
    from (select 'article_aggregate'::text as "__typename", (select row_to_json("r$10")
        from (select 'article_aggregate_fields'::text as "__typename", "f$2"."a$1" as "count", (select row_to_json("r$3")
            from (select "f$2"."a$2" as "views", "f$2"."a$3" as "rating") as "r$3") as "sum", (select row_to_json("r$4")
            from (select "f$2"."a$4" as "rating") as "r$4") as "avg", (select row_to_json("r$5")
            from (select "f$2"."a$5" as "title", "f$2"."a$6" as "published_at", "f$2"."a$7" as "rating") as "r$5") as "max", (select row_to_json("r$6")
            from (select "f$2"."a$8" as "rating") as "r$6") as "min", (select row_to_json("r$7")
            from (select "f$2"."a$9" as "rating") as "r$7") as "stddev", (select row_to_json("r$8")
            from (select "f$2"."a$10" as "rating") as "r$8") as "var_pop", (select row_to_json("r$9")
            from (select "f$2"."a$11" as "rating") as "r$9") as "variance"
          from (select count(*) as "a$1", sum("t$1"."views") as "a$2", sum("t$1"."rating") as "a$3", avg("t$1"."rating") as "a$4", max("t$1"."title") as "a$5", max("t$1"."published_at") as "a$6", max("t$1"."rating") as "a$7", min("t$1"."rating") as "a$8", stddev("t$1"."rating") as "a$9", var_pop("t$1"."rating") as "a$10", variance("t$1"."rating") as "a$11"
            from "public"."article" as "t$1"
            where ("t$1"."published" = $1::"pg_catalog"."bool")) as "f$2") as "r$10") as "aggregate") as "r$11") as "article_aggregate") as "r$12"
