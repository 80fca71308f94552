select row_to_json("r$9")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "b$2"."title" as "title", "j$3"."v$" as "author"
      from (select "t$6"."title", "t$6"."author_id", "t$6"."title" as "o$1"
        from "public"."search_articles"($1::"pg_catalog"."text") as "t$6"
        order by "t$6"."title" asc nulls last) as "b$2"
      left join lateral (select row_to_json("r$5")
        from (select "t$4"."name" as "name"
          from "public"."author" as "t$4"
          where "t$4"."id" = "b$2"."author_id") as "r$5") as "j$3" ("v$") on true
      order by "b$2"."o$1" asc nulls last) as "r$1") as "engines", (select coalesce(json_agg("r$7"), '[]')
    from (select "t$8"."id" as "id"
      from "public"."search_articles"($2::"pg_catalog"."text") as "t$8") as "r$7") as "none") as "r$9"
