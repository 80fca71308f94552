select row_to_json("r$6")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "t$2"."name" as "name", "j$3"."v$" as "mentor", "t$2"."country" as "country", "t$2"."id" as "id"
      from "public"."author" as "t$2"
      left join lateral (select row_to_json("r$5")
        from (select "t$4"."id" as "id"
          from "public"."author" as "t$4"
          where "t$4"."id" = "t$2"."mentor_id") as "r$5") as "j$3" ("v$") on true
      where ("t$2"."id" = $1::"pg_catalog"."int4")) as "r$1") as "author") as "r$6"
