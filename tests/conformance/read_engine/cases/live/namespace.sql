select row_to_json("r$6")
from (select (select row_to_json("r$5")
    from (select (select coalesce(json_agg("r$1"), '[]')
        from (select "b$2"."name" as "name"
          from (select *
            from (select "t$3"."name", "t$3"."id" as "o$1"
              from "public"."author" as "t$3"
              order by "t$3"."id" asc nulls last limit 1) as "c$4"
            order by "c$4"."o$1" asc nulls last limit $1::"pg_catalog"."int8") as "b$2") as "r$1") as "author", 'library_subscription'::text as "__typename") as "r$5") as "library", 'subscription_root'::text as "__typename") as "r$6"
