select row_to_json("r$8")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "t$2"."id" as "id"
      from "public"."author" as "t$2"
      where ("t$2"."id" = $1::"pg_catalog"."int4")) as "r$1") as "author", (select coalesce(json_agg("r$3"), '[]')
    from (select "b$4"."id" as "id"
      from (select "t$5"."id", "t$5"."id" as "o$1"
        from "public"."author" as "t$5"
        order by "t$5"."id" asc nulls last) as "b$4") as "r$3") as "widened", (select coalesce(json_agg("r$6"), '[]')
    from (select "t$7"."id" as "id"
      from "public"."author" as "t$7"
      where false) as "r$6") as "inverted") as "r$8"
