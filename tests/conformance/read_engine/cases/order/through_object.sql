select row_to_json("r$23")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "b$2"."title" as "title", "j$3"."v$" as "author"
      from (select "t$6"."title", "t$6"."author_id", "j$7"."v$" as "o$1", "t$6"."title" as "o$2"
        from "public"."article" as "t$6"
        left join lateral (select "t$8"."name" as "v$"
          from "public"."author" as "t$8"
          where "t$8"."id" = "t$6"."author_id") as "j$7" on true
        order by "j$7"."v$" desc nulls first, "t$6"."title" asc nulls last) as "b$2"
      left join lateral (select row_to_json("r$5")
        from (select "t$4"."name" as "name"
          from "public"."author" as "t$4"
          where "t$4"."id" = "b$2"."author_id") as "r$5") as "j$3" ("v$") on true
      order by "b$2"."o$1" desc nulls first, "b$2"."o$2" asc nulls last) as "r$1") as "article", (select coalesce(json_agg("r$9"), '[]')
    from (select "b$10"."title" as "title"
      from (select "t$11"."title", "j$12"."v$" as "o$1", "j$16"."v$" as "o$2", "t$11"."title" as "o$3"
        from "public"."article" as "t$11"
        left join lateral (select "j$14"."v$" as "v$"
          from "public"."author" as "t$13"
          left join lateral (select "t$15"."name" as "v$"
            from "public"."author" as "t$15"
            where "t$15"."id" = "t$13"."mentor_id") as "j$14" on true
          where "t$13"."id" = "t$11"."editor_id") as "j$12" on true
        left join lateral (select "t$17"."name" as "v$"
          from "public"."author" as "t$17"
          where "t$17"."id" = "t$11"."editor_id") as "j$16" on true
        order by "j$12"."v$" asc nulls last, "j$16"."v$" desc nulls last, "t$11"."title" asc nulls last) as "b$10") as "r$9") as "by_editor", (select coalesce(json_agg("r$18"), '[]')
    from (select "b$19"."id" as "id"
      from (select "t$20"."id", "j$21"."v$" as "o$1", "t$20"."id" as "o$2"
        from "public"."author" as "t$20"
        left join lateral (select "t$22"."country" as "v$"
          from "public"."author" as "t$22"
          where "t$22"."country" = "t$20"."country" limit 1) as "j$21" on true
        order by "j$21"."v$" desc nulls last, "t$20"."id" asc nulls last) as "b$19") as "r$18") as "by_manual") as "r$23"
