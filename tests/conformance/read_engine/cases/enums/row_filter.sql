select row_to_json("r$4")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "b$2"."mood" as "mood"
      from (select "t$3"."mood", "t$3"."id" as "o$1"
        from "public"."diary" as "t$3"
        where (("t$3"."mood" = any($1::"pg_catalog"."text"[])) and ("t$3"."mood" <> $2::"pg_catalog"."text"))
        order by "t$3"."id" asc nulls last) as "b$2") as "r$1") as "diary") as "r$4"
