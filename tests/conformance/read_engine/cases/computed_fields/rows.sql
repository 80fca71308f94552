select row_to_json("r$26")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select (select coalesce(json_agg("r$3"), '[]')
        from (select "b$4"."title" as "title", "j$5"."v$" as "author"
          from (select "t$8"."title", "t$8"."author_id", "t$8"."rating" as "o$1"
            from "public"."author_published"("b$2"."row$") as "t$8"
            order by "t$8"."rating" asc nulls last limit $1::"pg_catalog"."int8") as "b$4"
          left join lateral (select row_to_json("r$7")
            from (select "public"."author_label"("t$6") as "label"
              from "public"."author" as "t$6"
              where "t$6"."id" = "b$4"."author_id") as "r$7") as "j$5" ("v$") on true
          order by "b$4"."o$1" asc nulls last) as "r$3") as "published", (select coalesce(json_agg("r$9"), '[]')
        from (select "t$10"."title" as "title", "public"."article_facts"("t$10") as "facts"
          from "public"."author_matching"($2::"pg_catalog"."text", "b$2"."row$") as "t$10"
          where ("t$10"."published" = $3::"pg_catalog"."bool")) as "r$9") as "matching", "j$11"."v$" as "latest"
      from (select *
        from (select "t$17" as "row$", "t$17"."id" as "o$1"
          from "public"."author" as "t$17"
          order by "t$17"."id" asc nulls last limit 4) as "c$18"
        order by "c$18"."o$1" asc nulls last limit $4::"pg_catalog"."int8") as "b$2"
      left join lateral (select row_to_json("r$16")
        from (select "t$12"."title" as "title", "j$13"."v$" as "editor"
          from "public"."author_latest"("b$2"."row$") as "t$12"
          left join lateral (select row_to_json("r$15")
            from (select "t$14"."name" as "name"
              from "public"."author" as "t$14"
              where "t$14"."id" = "t$12"."editor_id") as "r$15") as "j$13" ("v$") on true
          where not ("t$12" is null)) as "r$16") as "j$11" ("v$") on true
      order by "b$2"."o$1" asc nulls last) as "r$1") as "author", (select row_to_json("r$25")
    from (select (select coalesce(json_agg("r$20"), '[]')
        from (select "t$21"."title" as "title"
          from "public"."author_published"("t$19") as "t$21") as "r$20") as "published", "j$22"."v$" as "latest"
      from "public"."author" as "t$19"
      left join lateral (select row_to_json("r$24")
        from (select "t$23"."title" as "title"
          from "public"."author_latest"("t$19") as "t$23"
          where not ("t$23" is null)) as "r$24") as "j$22" ("v$") on true
      where ("t$19"."id" = $5::"pg_catalog"."int4")) as "r$25") as "unsorted") as "r$26"
