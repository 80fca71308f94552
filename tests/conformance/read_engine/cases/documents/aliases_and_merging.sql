select row_to_json("r$11")
from (select (select row_to_json("r$8")
    from (select "t$1"."name" as "name", "t$1"."name" as "alias", (select coalesce(json_agg("r$2"), '[]')
        from (select "b$3"."title" as "title", "b$3"."id" as "id"
          from (select "t$4"."title", "t$4"."id", "t$4"."title" as "o$1"
            from "public"."article" as "t$4"
            where "t$4"."author_id" = "t$1"."id"
            order by "t$4"."title" asc nulls last) as "b$3") as "r$2") as "articles", "j$5"."v$" as "mentor"
      from "public"."author" as "t$1"
      left join lateral (select row_to_json("r$7")
        from (select "t$6"."id" as "id", "t$6"."name" as "name"
          from "public"."author" as "t$6"
          where "t$6"."id" = "t$1"."mentor_id") as "r$7") as "j$5" ("v$") on true
      where ("t$1"."id" = $1::"pg_catalog"."int4")) as "r$8") as "ada", (select coalesce(json_agg("r$9"), '[]')
    from (select "t$10"."id" as "id", "t$10"."name" as "name"
      from "public"."author" as "t$10"
      where ("t$10"."id" = $2::"pg_catalog"."int4")) as "r$9") as "author") as "r$11"
