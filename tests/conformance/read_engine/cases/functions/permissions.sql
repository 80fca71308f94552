select row_to_json("r$11")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "b$2"."title" as "title", "j$3"."v$" as "author"
      from (select "t$6"."title", "t$6"."author_id", "t$6"."title" as "o$1"
        from "public"."search_articles"($1::"pg_catalog"."text") as "t$6"
        where ("t$6"."published" = $2::"pg_catalog"."bool")
        order by "t$6"."title" asc nulls last limit $3::"pg_catalog"."int8") as "b$2"
      left join lateral (select row_to_json("r$5")
        from (select "t$4"."name" as "name", "t$4"."country" as "country"
          from "public"."author" as "t$4"
          where "t$4"."id" = "b$2"."author_id") as "r$5") as "j$3" ("v$") on true
      order by "b$2"."o$1" asc nulls last) as "r$1") as "search_articles", (select row_to_json("r$10")
    from (select (select row_to_json("r$9")
        from (select "f$8"."a$1" as "count"
          from (select count(*) as "a$1"
            from "public"."search_articles"($4::"pg_catalog"."text") as "t$7"
            where ("t$7"."published" = $2::"pg_catalog"."bool")) as "f$8") as "r$9") as "aggregate") as "r$10") as "search_articles_aggregate") as "r$11"
