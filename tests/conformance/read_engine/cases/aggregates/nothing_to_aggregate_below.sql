select row_to_json("r$8")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "b$2"."id" as "id", (select row_to_json("r$6")
        from (select (select row_to_json("r$5")
            from (select 'article_aggregate_fields'::text as "__typename") as "r$5") as "aggregate") as "r$6") as "articles_aggregate"
      from (select "t$7"."id", "t$7"."id" as "o$1"
        from "public"."author" as "t$7"
        order by "t$7"."id" asc nulls last) as "b$2") as "r$1") as "author") as "r$8"
