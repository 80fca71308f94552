select row_to_json("r$12")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "t$2"."id" as "id", "t$2"."name" as "name", (select coalesce(json_agg("r$3"), '[]')
        from (select "b$4"."title" as "title"
          from (select "t$5"."title", "t$5"."title" as "o$1"
            from "public"."article" as "t$5"
            where "t$5"."author_id" = "t$2"."id" and (("t$5"."author_id" = $1::"pg_catalog"."int4") or exists (select 1
                from "public"."author" as "t$5.1"
                where "t$5.1"."id" = "t$5"."author_id" and ("t$5.1"."mentor_id" = $1::"pg_catalog"."int4")))
            order by "t$5"."title" asc nulls last) as "b$4") as "r$3") as "articles"
      from "public"."author" as "t$2"
      where ("t$2"."id" = $1::"pg_catalog"."int4")) as "r$1") as "author", (select coalesce(json_agg("r$6"), '[]')
    from (select "b$7"."title" as "title", "j$8"."v$" as "author"
      from (select "t$11"."title", "t$11"."author_id", "t$11"."title" as "o$1"
        from "public"."article" as "t$11"
        where (("t$11"."author_id" = $1::"pg_catalog"."int4") or exists (select 1
            from "public"."author" as "t$11.1"
            where "t$11.1"."id" = "t$11"."author_id" and ("t$11.1"."mentor_id" = $1::"pg_catalog"."int4")))
        order by "t$11"."title" asc nulls last) as "b$7"
      left join lateral (select row_to_json("r$10")
        from (select "t$9"."name" as "name"
          from "public"."author" as "t$9"
          where "t$9"."id" = "b$7"."author_id" and ("t$9"."id" = $1::"pg_catalog"."int4")) as "r$10") as "j$8" ("v$") on true
      order by "b$7"."o$1" asc nulls last) as "r$6") as "article") as "r$12"
