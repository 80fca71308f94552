select row_to_json("r$12")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "b$2"."name" as "name"
      from (select "t$3"."name", "t$3"."id" as "o$1"
        from "public"."author" as "t$3"
        where ((select bool_and("t$3.1"."published")
            from "public"."article" as "t$3.1"
            where "t$3.1"."author_id" = "t$3"."id") = $1::"pg_catalog"."bool")
        order by "t$3"."id" asc nulls last) as "b$2") as "r$1") as "all", (select coalesce(json_agg("r$4"), '[]')
    from (select "b$5"."name" as "name"
      from (select "t$6"."name", "t$6"."id" as "o$1"
        from "public"."author" as "t$6"
        where ((select bool_or("t$6.1"."published")
            from "public"."article" as "t$6.1"
            where "t$6.1"."author_id" = "t$6"."id") = $2::"pg_catalog"."bool")
        order by "t$6"."id" asc nulls last) as "b$5") as "r$4") as "some", (select coalesce(json_agg("r$7"), '[]')
    from (select "t$8"."name" as "name"
      from "public"."author" as "t$8"
      where ((select bool_and("t$8.1"."published")
          from "public"."article" as "t$8.1"
          where "t$8.1"."author_id" = "t$8"."id") is null)) as "r$7") as "without_articles", (select coalesce(json_agg("r$9"), '[]')
    from (select "b$10"."name" as "name"
      from (select "t$11"."name", "t$11"."id" as "o$1"
        from "public"."author" as "t$11"
        where (((select bool_and("t$11.1"."published")
              from "public"."article" as "t$11.1"
              where "t$11.1"."author_id" = "t$11"."id" and ("t$11.1"."title" <> $3::"pg_catalog"."text")) = $1::"pg_catalog"."bool") and ((select count(*)
              from "public"."article" as "t$11.1"
              where "t$11.1"."author_id" = "t$11"."id") > $4::"pg_catalog"."int4"))
        order by "t$11"."id" asc nulls last) as "b$10") as "r$9") as "filtered") as "r$12"
