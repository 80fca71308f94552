select row_to_json("r$23")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "b$2"."id" as "id", (select row_to_json("r$6")
        from (select (select row_to_json("r$5")
            from (select "f$4"."a$1" as "count"
              from (select count(*) as "a$1"
                from "public"."article" as "t$3"
                where "t$3"."author_id" = "b$2"."id") as "f$4") as "r$5") as "aggregate") as "r$6") as "articles_aggregate"
      from (select "t$7"."id", "j$8"."v$" as "o$1", "t$7"."id" as "o$2"
        from "public"."author" as "t$7"
        left join lateral (select count(*) as "v$"
          from "public"."article" as "t$9"
          where "t$9"."author_id" = "t$7"."id") as "j$8" on true
        order by "j$8"."v$" desc nulls first, "t$7"."id" asc nulls last) as "b$2") as "r$1") as "by_count", (select coalesce(json_agg("r$10"), '[]')
    from (select "b$11"."id" as "id"
      from (select *
        from (select "t$12"."id", "j$13"."v$" as "o$1", "t$12"."id" as "o$2"
          from "public"."author" as "t$12"
          left join lateral (select max("t$14"."rating") as "v$"
            from "public"."article" as "t$14"
            where "t$14"."author_id" = "t$12"."id") as "j$13" on true
          order by "j$13"."v$" desc nulls last, "t$12"."id" asc nulls last limit 4) as "c$15"
        order by "c$15"."o$1" desc nulls last, "c$15"."o$2" asc nulls last limit $1::"pg_catalog"."int8") as "b$11") as "r$10") as "by_max", (select coalesce(json_agg("r$16"), '[]')
    from (select "b$17"."title" as "title"
      from (select "t$18"."title", "j$19"."v$" as "o$1", "t$18"."title" as "o$2"
        from "public"."article" as "t$18"
        left join lateral (select "j$21"."v$" as "v$"
          from "public"."author" as "t$20"
          left join lateral (select count(*) as "v$"
            from "public"."article" as "t$22"
            where "t$22"."author_id" = "t$20"."id") as "j$21" on true
          where "t$20"."id" = "t$18"."author_id") as "j$19" on true
        order by "j$19"."v$" asc nulls last, "t$18"."title" asc nulls last) as "b$17") as "r$16") as "through") as "r$23"
