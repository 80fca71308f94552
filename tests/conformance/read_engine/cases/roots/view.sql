select row_to_json("r$7")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "b$2"."title" as "title", "j$3"."v$" as "author"
      from (select "t$6"."title", "t$6"."author_id", "t$6"."title" as "o$1"
        from "public"."published_article" as "t$6"
        order by "t$6"."title" asc nulls last) as "b$2"
      left join lateral (select row_to_json("r$5")
        from (select "t$4"."name" as "name"
          from "public"."author" as "t$4"
          where "t$4"."id" = "b$2"."author_id") as "r$5") as "j$3" ("v$") on true
      order by "b$2"."o$1" asc nulls last) as "r$1") as "published_article") as "r$7"
