select row_to_json("r$4")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "b$2"."id" as "id"
      from (select "t$3"."id", "t$3"."id" as "o$1"
        from "public"."author" as "t$3"
        where ("t$3"."id" = any($1::"pg_catalog"."int4"[]))
        order by "t$3"."id" desc nulls first) as "b$2") as "r$1") as "author") as "r$4"
