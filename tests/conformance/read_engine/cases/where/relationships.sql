select row_to_json("r$17")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "b$2"."title" as "title"
      from (select "t$3"."title", "t$3"."title" as "o$1"
        from "public"."article" as "t$3"
        where exists (select 1
          from "public"."author" as "t$3.1"
          where "t$3.1"."id" = "t$3"."author_id" and ("t$3.1"."country" = $1::"pg_catalog"."text"))
        order by "t$3"."title" asc nulls last) as "b$2") as "r$1") as "object", (select coalesce(json_agg("r$4"), '[]')
    from (select "b$5"."id" as "id"
      from (select "t$6"."id", "t$6"."id" as "o$1"
        from "public"."author" as "t$6"
        where exists (select 1
          from "public"."article" as "t$6.1"
          where "t$6.1"."author_id" = "t$6"."id" and ("t$6.1"."published" = $2::"pg_catalog"."bool"))
        order by "t$6"."id" asc nulls last) as "b$5") as "r$4") as "array", (select coalesce(json_agg("r$7"), '[]')
    from (select "t$8"."id" as "id"
      from "public"."author" as "t$8"
      where (not exists (select 1
          from "public"."article" as "t$8.1"
          where "t$8.1"."author_id" = "t$8"."id"))) as "r$7") as "none", (select coalesce(json_agg("r$9"), '[]')
    from (select "b$10"."id" as "id"
      from (select "t$11"."id", "t$11"."id" as "o$1"
        from "public"."author" as "t$11"
        where exists (select 1
          from "public"."article" as "t$11.1"
          where "t$11.1"."author_id" = "t$11"."id" and exists (select 1
            from "public"."article_tag" as "t$11.2"
            where "t$11.2"."article_id" = "t$11.1"."id" and exists (select 1
              from "public"."tag" as "t$11.3"
              where "t$11.3"."id" = "t$11.2"."tag_id" and ("t$11.3"."label" = $3::"pg_catalog"."text"))))
        order by "t$11"."id" asc nulls last) as "b$10") as "r$9") as "deep", (select coalesce(json_agg("r$12"), '[]')
    from (select "t$13"."id" as "id"
      from "public"."author" as "t$13"
      where exists (select 1
        from "public"."author" as "t$13.1"
        where "t$13.1"."id" = "t$13"."mentor_id" and exists (select 1
          from "public"."author" as "t$13.2"
          where "t$13.2"."id" = "t$13.1"."mentor_id" and ("t$13.2"."id" = $4::"pg_catalog"."int4")))) as "r$12") as "self", (select coalesce(json_agg("r$14"), '[]')
    from (select "b$15"."title" as "title"
      from (select "t$16"."title", "t$16"."title" as "o$1"
        from "public"."article" as "t$16"
        where (exists (select 1
            from "public"."author" as "t$16.1"
            where "t$16.1"."id" = "t$16"."editor_id" and ("t$16.1"."name" = $5::"pg_catalog"."text")) or exists (select 1
            from "public"."article_tag" as "t$16.1"
            where "t$16.1"."article_id" = "t$16"."id" and ("t$16.1"."tag_id" = $6::"pg_catalog"."int4")))
        order by "t$16"."title" asc nulls last) as "b$15") as "r$14") as "with_or") as "r$17"
