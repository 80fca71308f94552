select row_to_json("r$9")
from (select (select row_to_json("r$8")
    from (select (select row_to_json("r$5")
        from (select "f$2"."a$1" as "count", (select row_to_json("r$3")
            from (select "f$2"."a$2" as "rating") as "r$3") as "sum", (select row_to_json("r$4")
            from (select "f$2"."a$3" as "title") as "r$4") as "max"
          from (select count(*) as "a$1", sum("t$1"."rating") as "a$2", max("t$1"."title") as "a$3"
            from "public"."article" as "t$1"
            where ("t$1"."id" = any($1::"pg_catalog"."uuid"[]))) as "f$2") as "r$5") as "aggregate", (select coalesce(json_agg("r$6"), '[]')
        from (select "t$7"."id" as "id"
          from "public"."article" as "t$7"
          where ("t$7"."id" = any($1::"pg_catalog"."uuid"[]))) as "r$6") as "nodes") as "r$8") as "article_aggregate") as "r$9"
