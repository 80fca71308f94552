select row_to_json("r$17")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "b$2"."title" as "title"
      from (select "t$3"."title", "t$3"."title" as "o$1"
        from "public"."article" as "t$3"
        where ("t$3"."published" = $1::"pg_catalog"."bool")
        order by "t$3"."title" asc nulls last limit $2::"pg_catalog"."int8") as "b$2") as "r$1") as "article", (select coalesce(json_agg("r$4"), '[]')
    from (select "b$5"."title" as "title"
      from (select "t$6"."title", "t$6"."title" as "o$1"
        from "public"."article" as "t$6"
        where ("t$6"."published" = $1::"pg_catalog"."bool")
        order by "t$6"."title" asc nulls last limit least($3::"pg_catalog"."int8", $2::"pg_catalog"."int8")) as "b$5") as "r$4") as "one", (select coalesce(json_agg("r$7"), '[]')
    from (select "b$8"."title" as "title"
      from (select "t$9"."title", "t$9"."title" as "o$1"
        from "public"."article" as "t$9"
        where ("t$9"."published" = $1::"pg_catalog"."bool")
        order by "t$9"."title" asc nulls last limit least($4::"pg_catalog"."int8", $2::"pg_catalog"."int8")) as "b$8") as "r$7") as "many", (select row_to_json("r$16")
    from (select (select row_to_json("r$12")
        from (select "f$11"."a$1" as "count"
          from (select count(*) as "a$1"
            from "public"."article" as "t$10"
            where ("t$10"."published" = $1::"pg_catalog"."bool")) as "f$11") as "r$12") as "aggregate", (select coalesce(json_agg("r$13"), '[]')
        from (select "b$14"."id" as "id"
          from (select "t$15"."id"
            from "public"."article" as "t$15"
            where ("t$15"."published" = $1::"pg_catalog"."bool") limit $5::"pg_catalog"."int8") as "b$14") as "r$13") as "nodes") as "r$16") as "article_aggregate") as "r$17"
