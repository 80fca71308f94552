select row_to_json("r$11")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "b$2"."id" as "id", "b$2"."name" as "name", (select coalesce(json_agg("r$3"), '[]')
        from (select "b$4"."title" as "title"
          from (select "t$5"."title", "t$5"."title" as "o$1"
            from "public"."article" as "t$5"
            where "t$5"."author_id" = "b$2"."id" and ("t$5"."published" = $1::"pg_catalog"."bool")
            order by "t$5"."title" asc nulls last limit $2::"pg_catalog"."int8") as "b$4") as "r$3") as "articles", (select row_to_json("r$9")
        from (select (select row_to_json("r$8")
            from (select "f$7"."a$1" as "count"
              from (select count(*) as "a$1"
                from "public"."article" as "t$6"
                where "t$6"."author_id" = "b$2"."id" and ("t$6"."published" = $1::"pg_catalog"."bool")) as "f$7") as "r$8") as "aggregate") as "r$9") as "articles_aggregate"
      from (select "t$10"."id", "t$10"."name", "t$10"."id" as "o$1"
        from "public"."author" as "t$10"
        order by "t$10"."id" asc nulls last) as "b$2") as "r$1") as "author") as "r$11"
