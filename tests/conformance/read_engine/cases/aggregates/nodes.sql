select row_to_json("r$16")
from (select (select row_to_json("r$15")
    from (select (select row_to_json("r$5")
        from (select "f$2"."a$1" as "count", (select row_to_json("r$3")
            from (select "f$2"."a$2" as "rating") as "r$3") as "avg"
          from (select count(*) as "a$1", avg("t$1"."rating") as "a$2"
            from (select "t$4"."rating", "t$4"."rating" as "o$1"
              from "public"."article" as "t$4"
              order by "t$4"."rating" desc nulls first limit $1::"pg_catalog"."int8") as "t$1") as "f$2") as "r$5") as "aggregate", (select coalesce(json_agg("r$6"), '[]')
        from (select "b$7"."title" as "title", "j$8"."v$" as "author"
          from (select "t$11"."title", "t$11"."author_id", "t$11"."rating" as "o$1"
            from "public"."article" as "t$11"
            order by "t$11"."rating" desc nulls first limit $1::"pg_catalog"."int8") as "b$7"
          left join lateral (select row_to_json("r$10")
            from (select "t$9"."name" as "name"
              from "public"."author" as "t$9"
              where "t$9"."id" = "b$7"."author_id") as "r$10") as "j$8" ("v$") on true
          order by "b$7"."o$1" desc nulls first) as "r$6") as "nodes", (select coalesce(json_agg("r$12"), '[]')
        from (select "b$13"."id" as "id"
          from (select "t$14"."id", "t$14"."rating" as "o$1"
            from "public"."article" as "t$14"
            order by "t$14"."rating" desc nulls first limit $1::"pg_catalog"."int8") as "b$13") as "r$12") as "more") as "r$15") as "article_aggregate") as "r$16"
