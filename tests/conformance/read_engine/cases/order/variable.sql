select row_to_json("r$12")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "b$2"."title" as "title"
      from (select *
        from (select "t$3"."title", "j$4"."v$" as "o$1", "t$3"."title" as "o$2"
          from "public"."article" as "t$3"
          left join lateral (select "t$5"."name" as "v$"
            from "public"."author" as "t$5"
            where "t$5"."id" = "t$3"."author_id") as "j$4" on true
          order by "j$4"."v$" asc nulls last, "t$3"."title" desc nulls first limit 4) as "c$6"
        order by "c$6"."o$1" asc nulls last, "c$6"."o$2" desc nulls first limit $1::"pg_catalog"."int8") as "b$2") as "r$1") as "article", (select row_to_json("r$11")
    from (select (select row_to_json("r$10")
        from (select "f$8"."a$1" as "count"
          from (select count(*) as "a$1"
            from (select distinct on ("t$9"."author_id") "t$9"."author_id"
              from "public"."article" as "t$9") as "b$7") as "f$8") as "r$10") as "aggregate") as "r$11") as "article_aggregate") as "r$12"
