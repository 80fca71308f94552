select row_to_json("r$8")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "b$2"."title" as "title", "b$2"."rating" as "rating", (select coalesce(json_agg("r$3"), '[]')
        from (select "t$4"."tag_id" as "tag_id"
          from "public"."article_tag" as "t$4"
          where "t$4"."article_id" = "b$2"."id") as "r$3") as "article_tags"
      from (select "t$5"."title", "t$5"."rating", "t$5"."id", "t$5"."rating" as "o$1", "j$6"."v$" as "o$2"
        from "public"."search_articles"($1::"pg_catalog"."text") as "t$5"
        left join lateral (select "t$7"."name" as "v$"
          from "public"."author" as "t$7"
          where "t$7"."id" = "t$5"."author_id") as "j$6" on true
        where ("t$5"."published" = $2::"pg_catalog"."bool")
        order by "t$5"."rating" desc nulls first, "j$6"."v$" asc nulls last limit $3::"pg_catalog"."int8" offset $4::"pg_catalog"."int8") as "b$2") as "r$1") as "search_articles") as "r$8"
