select row_to_json("r$30")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "b$2"."id" as "id", "b$2"."name" as "name", 'author'::text as "__typename", "j$3"."v$" as "mentor", "j$9"."v$" as "profile", (select coalesce(json_agg("r$12"), '[]')
        from (select "b$13"."id" as "id", "b$13"."title" as "title", (select coalesce(json_agg("r$14"), '[]')
            from (select "j$16"."v$" as "tag"
              from (select "t$19"."tag_id", "t$19"."tag_id" as "o$1"
                from "public"."article_tag" as "t$19"
                where "t$19"."article_id" = "b$13"."id"
                order by "t$19"."tag_id" asc nulls last) as "b$15"
              left join lateral (select row_to_json("r$18")
                from (select "t$17"."id" as "id", "t$17"."label" as "text"
                  from "public"."tag" as "t$17"
                  where "t$17"."id" = "b$15"."tag_id") as "r$18") as "j$16" ("v$") on true
              order by "b$15"."o$1" asc nulls last) as "r$14") as "article_tags", "j$20"."v$" as "editor"
          from (select *
            from (select "t$23"."id", "t$23"."title", "t$23"."editor_id", "t$23"."title" as "o$1"
              from "public"."article" as "t$23"
              where "t$23"."author_id" = "b$2"."id"
              order by "t$23"."title" asc nulls last limit 4) as "c$24"
            order by "c$24"."o$1" asc nulls last limit $1::"pg_catalog"."int8") as "b$13"
          left join lateral (select row_to_json("r$22")
            from (select "t$21"."name" as "name"
              from "public"."author" as "t$21"
              where "t$21"."id" = "b$13"."editor_id") as "r$22") as "j$20" ("v$") on true
          order by "b$13"."o$1" asc nulls last) as "r$12") as "articles", (select row_to_json("r$28")
        from (select (select row_to_json("r$27")
            from (select "f$26"."a$1" as "count"
              from (select count(*) as "a$1"
                from "public"."article" as "t$25"
                where "t$25"."author_id" = "b$2"."id") as "f$26") as "r$27") as "aggregate") as "r$28") as "articles_aggregate"
      from (select "t$29"."id", "t$29"."name", "t$29"."mentor_id", "t$29"."id" as "o$1"
        from "public"."author" as "t$29"
        where ("t$29"."id" > $2::"pg_catalog"."int4")
        order by "t$29"."id" asc nulls last limit $3::"pg_catalog"."int8") as "b$2"
      left join lateral (select row_to_json("r$8")
        from (select "t$4"."id" as "id", "t$4"."name" as "name", "j$5"."v$" as "mentor"
          from "public"."author" as "t$4"
          left join lateral (select row_to_json("r$7")
            from (select "t$6"."id" as "id"
              from "public"."author" as "t$6"
              where "t$6"."id" = "t$4"."mentor_id") as "r$7") as "j$5" ("v$") on true
          where "t$4"."id" = "b$2"."mentor_id") as "r$8") as "j$3" ("v$") on true
      left join lateral (select row_to_json("r$11")
        from (select "t$10"."bio" as "bio"
          from "public"."profile" as "t$10"
          where "t$10"."author_id" = "b$2"."id") as "r$11") as "j$9" ("v$") on true
      order by "b$2"."o$1" asc nulls last) as "r$1") as "author") as "r$30"
