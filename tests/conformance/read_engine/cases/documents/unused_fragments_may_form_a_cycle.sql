select row_to_json("r$5")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "b$2"."id" as "id"
      from (select *
        from (select "t$3"."id"
          from "public"."author" as "t$3" limit 1) as "c$4" limit $1::"pg_catalog"."int8") as "b$2") as "r$1") as "author") as "r$5"
