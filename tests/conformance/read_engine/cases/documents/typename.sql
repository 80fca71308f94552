select row_to_json("r$12")
from (select 'query_root'::text as "__typename", (select coalesce(json_agg("r$1"), '[]')
    from (select 'author'::text as "__typename", "j$3"."v$" as "mentor", (select row_to_json("r$9")
        from (select 'article_aggregate'::text as "__typename", (select row_to_json("r$8")
            from (select 'article_aggregate_fields'::text as "__typename", "f$7"."a$1" as "count"
              from (select count(*) as "a$1"
                from "public"."article" as "t$6"
                where "t$6"."author_id" = "b$2"."id") as "f$7") as "r$8") as "aggregate") as "r$9") as "articles_aggregate"
      from (select *
        from (select "t$10"."mentor_id", "t$10"."id", "t$10"."id" as "o$1"
          from "public"."author" as "t$10"
          order by "t$10"."id" asc nulls last limit 1) as "c$11"
        order by "c$11"."o$1" asc nulls last limit $1::"pg_catalog"."int8") as "b$2"
      left join lateral (select row_to_json("r$5")
        from (select 'author'::text as "__typename"
          from "public"."author" as "t$4"
          where "t$4"."id" = "b$2"."mentor_id") as "r$5") as "j$3" ("v$") on true
      order by "b$2"."o$1" asc nulls last) as "r$1") as "author") as "r$12"
