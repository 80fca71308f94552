select row_to_json("r$19")
from (select (select row_to_json("r$18")
    from (select (select row_to_json("r$6")
        from (select "f$2"."a$1" as "count", (select row_to_json("r$3")
            from (select "f$2"."a$2" as "rating") as "r$3") as "avg"
          from (select count(*) as "a$1", avg("b$1"."rating") as "a$2"
            from (select *
              from (select "t$4"."rating", "t$4"."rating" as "o$1"
                from "public"."article" as "t$4"
                order by "t$4"."rating" desc nulls first limit 4) as "c$5"
              order by "c$5"."o$1" desc nulls first limit $1::"pg_catalog"."int8") as "b$1") as "f$2") as "r$6") as "aggregate", (select coalesce(json_agg("r$7"), '[]')
        from (select "b$8"."title" as "title", "j$9"."v$" as "author"
          from (select *
            from (select "t$12"."title", "t$12"."author_id", "t$12"."rating" as "o$1"
              from "public"."article" as "t$12"
              order by "t$12"."rating" desc nulls first limit 4) as "c$13"
            order by "c$13"."o$1" desc nulls first limit $1::"pg_catalog"."int8") as "b$8"
          left join lateral (select row_to_json("r$11")
            from (select "t$10"."name" as "name"
              from "public"."author" as "t$10"
              where "t$10"."id" = "b$8"."author_id") as "r$11") as "j$9" ("v$") on true
          order by "b$8"."o$1" desc nulls first) as "r$7") as "nodes", (select coalesce(json_agg("r$14"), '[]')
        from (select "b$15"."id" as "id"
          from (select *
            from (select "t$16"."id", "t$16"."rating" as "o$1"
              from "public"."article" as "t$16"
              order by "t$16"."rating" desc nulls first limit 4) as "c$17"
            order by "c$17"."o$1" desc nulls first limit $1::"pg_catalog"."int8") as "b$15") as "r$14") as "more") as "r$18") as "article_aggregate") as "r$19"
