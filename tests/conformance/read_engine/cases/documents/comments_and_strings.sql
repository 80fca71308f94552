select row_to_json("r$4")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "b$2"."id" as "id", "b$2"."name" as "name"
      from (select "t$3"."id", "t$3"."name", "t$3"."id" as "o$1"
        from "public"."author" as "t$3"
        where ("t$3"."name" = any($1::"pg_catalog"."text"[]))
        order by "t$3"."id" asc nulls last) as "b$2") as "r$1") as "author") as "r$4"
