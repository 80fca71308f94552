select row_to_json("r$4")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "b$2"."title" as "title"
      from (select "t$3"."title", "t$3"."title" as "o$1"
        from "public"."article" as "t$3"
        where ("t$3"."id" = any($1::"pg_catalog"."uuid"[]))
        order by "t$3"."title" asc nulls last) as "b$2") as "r$1") as "article") as "r$4"
