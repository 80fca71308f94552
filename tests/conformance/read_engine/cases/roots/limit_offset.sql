select row_to_json("r$11")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "b$2"."id" as "id"
      from (select "t$3"."id", "t$3"."id" as "o$1"
        from "public"."author" as "t$3"
        order by "t$3"."id" asc nulls last limit $1::"pg_catalog"."int8" offset $2::"pg_catalog"."int8") as "b$2") as "r$1") as "author", (select coalesce(json_agg("r$4"), '[]')
    from (select "b$5"."id" as "id"
      from (select "t$6"."id", "t$6"."id" as "o$1"
        from "public"."author" as "t$6"
        order by "t$6"."id" asc nulls last) as "b$5") as "r$4") as "all", (select coalesce(json_agg("r$7"), '[]')
    from (select "b$8"."id" as "id"
      from (select *
        from (select "t$9"."id"
          from "public"."author" as "t$9" limit 0) as "c$10" limit $3::"pg_catalog"."int8") as "b$8") as "r$7") as "none") as "r$11"
