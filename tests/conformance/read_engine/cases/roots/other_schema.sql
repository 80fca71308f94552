select row_to_json("r$7")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select 'archive_edition'::text as "__typename", "b$2"."number" as "number", "j$3"."v$" as "article"
      from (select "t$6"."number", "t$6"."article_id", "t$6"."article_id" as "o$1", "t$6"."number" as "o$2"
        from "archive"."edition" as "t$6"
        order by "t$6"."article_id" asc nulls last, "t$6"."number" asc nulls last) as "b$2"
      left join lateral (select row_to_json("r$5")
        from (select "t$4"."title" as "title"
          from "public"."article" as "t$4"
          where "t$4"."id" = "b$2"."article_id") as "r$5") as "j$3" ("v$") on true
      order by "b$2"."o$1" asc nulls last, "b$2"."o$2" asc nulls last) as "r$1") as "archive_edition") as "r$7"
