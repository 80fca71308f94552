select row_to_json("r$19")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "b$2"."title" as "title"
      from (select "t$3"."title", "t$3"."title" as "o$1"
        from "public"."article" as "t$3"
        where ("t$3"."published" = $1::"pg_catalog"."bool")
        order by "t$3"."title" asc nulls last limit $2::"pg_catalog"."int8") as "b$2") as "r$1") as "article", (select coalesce(json_agg("r$4"), '[]')
    from (select "b$5"."title" as "title"
      from (select *
        from (select "t$6"."title", "t$6"."title" as "o$1"
          from "public"."article" as "t$6"
          where ("t$6"."published" = $1::"pg_catalog"."bool")
          order by "t$6"."title" asc nulls last limit 1) as "c$7"
        order by "c$7"."o$1" asc nulls last limit least($3::"pg_catalog"."int8", $2::"pg_catalog"."int8")) as "b$5") as "r$4") as "one", (select coalesce(json_agg("r$8"), '[]')
    from (select "b$9"."title" as "title"
      from (select *
        from (select "t$10"."title", "t$10"."title" as "o$1"
          from "public"."article" as "t$10"
          where ("t$10"."published" = $1::"pg_catalog"."bool")
          order by "t$10"."title" asc nulls last limit 256) as "c$11"
        order by "c$11"."o$1" asc nulls last limit least($4::"pg_catalog"."int8", $2::"pg_catalog"."int8")) as "b$9") as "r$8") as "many", (select row_to_json("r$18")
    from (select (select row_to_json("r$14")
        from (select "f$13"."a$1" as "count"
          from (select count(*) as "a$1"
            from "public"."article" as "t$12"
            where ("t$12"."published" = $1::"pg_catalog"."bool")) as "f$13") as "r$14") as "aggregate", (select coalesce(json_agg("r$15"), '[]')
        from (select "b$16"."id" as "id"
          from (select "t$17"."id"
            from "public"."article" as "t$17"
            where ("t$17"."published" = $1::"pg_catalog"."bool") limit $5::"pg_catalog"."int8") as "b$16") as "r$15") as "nodes") as "r$18") as "article_aggregate") as "r$19"
