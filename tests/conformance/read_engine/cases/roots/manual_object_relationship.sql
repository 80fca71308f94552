select row_to_json("r$7")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "b$2"."id" as "id", "j$3"."v$" as "compatriot"
      from (select "t$6"."id", "t$6"."country", "t$6"."id" as "o$1"
        from "public"."author" as "t$6"
        where ("t$6"."country" = $1::"pg_catalog"."text")
        order by "t$6"."id" asc nulls last) as "b$2"
      left join lateral (select row_to_json("r$5")
        from (select "t$4"."country" as "country"
          from "public"."author" as "t$4"
          where "t$4"."country" = "b$2"."country") as "r$5" limit 1) as "j$3" ("v$") on true
      order by "b$2"."o$1" asc nulls last) as "r$1") as "author") as "r$7"
