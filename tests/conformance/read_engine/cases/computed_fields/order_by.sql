select row_to_json("r$24")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "public"."author_label"("b$2"."row$") as "label", "public"."author_output"("b$2"."row$") as "output"
      from (select "t$3" as "row$", "public"."author_output"("t$3") as "o$1", "public"."author_label"("t$3") as "o$2"
        from "public"."author" as "t$3"
        order by "public"."author_output"("t$3") desc nulls last, "public"."author_label"("t$3") asc nulls last) as "b$2") as "r$1") as "scalar", (select coalesce(json_agg("r$4"), '[]')
    from (select "b$5"."title" as "title", "j$6"."v$" as "author"
      from (select *
        from (select "t$9"."title", "t$9"."author_id", "j$10"."v$" as "o$1", "t$9"."title" as "o$2"
          from "public"."article" as "t$9"
          left join lateral (select "public"."author_label"("t$11") as "v$"
            from "public"."author" as "t$11"
            where "t$11"."id" = "t$9"."author_id") as "j$10" on true
          order by "j$10"."v$" desc nulls first, "t$9"."title" asc nulls last limit 4) as "c$12"
        order by "c$12"."o$1" desc nulls first, "c$12"."o$2" asc nulls last limit $1::"pg_catalog"."int8") as "b$5"
      left join lateral (select row_to_json("r$8")
        from (select "public"."author_label"("t$7") as "label"
          from "public"."author" as "t$7"
          where "t$7"."id" = "b$5"."author_id") as "r$8") as "j$6" ("v$") on true
      order by "b$5"."o$1" desc nulls first, "b$5"."o$2" asc nulls last) as "r$4") as "through", (select coalesce(json_agg("r$13"), '[]')
    from (select "b$14"."name" as "name"
      from (select "t$15"."name", "j$16"."v$" as "o$1", "t$15"."id" as "o$2"
        from "public"."author" as "t$15"
        left join lateral (select count(*) as "v$"
          from "public"."author_published"("t$15") as "t$17") as "j$16" on true
        order by "j$16"."v$" desc nulls first, "t$15"."id" asc nulls last) as "b$14") as "r$13") as "rows", (select coalesce(json_agg("r$18"), '[]')
    from (select "public"."author_label"("b$19"."row$") as "label"
      from (select *
        from (select "t$20" as "row$", "j$21"."v$" as "o$1", "t$20"."id" as "o$2"
          from "public"."author" as "t$20"
          left join lateral (select max("t$22"."rating") as "v$"
            from "public"."author_published"("t$20") as "t$22") as "j$21" on true
          order by "j$21"."v$" desc nulls last, "t$20"."id" asc nulls last limit 4) as "c$23"
        order by "c$23"."o$1" desc nulls last, "c$23"."o$2" asc nulls last limit $2::"pg_catalog"."int8") as "b$19") as "r$18") as "largest") as "r$24"
