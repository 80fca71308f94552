select row_to_json("r$17")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "b$2"."title" as "title"
      from (select "t$3"."title", "t$3"."title" as "o$1"
        from "public"."article" as "t$3"
        where ("t$3"."published" > $1::"pg_catalog"."bool")
        order by "t$3"."title" asc nulls last) as "b$2") as "r$1") as "greater", (select coalesce(json_agg("r$4"), '[]')
    from (select "b$5"."title" as "title"
      from (select "t$6"."title", "t$6"."title" as "o$1"
        from "public"."article" as "t$6"
        where ("t$6"."published" = any($2::"pg_catalog"."bool"[]))
        order by "t$6"."title" asc nulls last) as "b$5") as "r$4") as "in", (select coalesce(json_agg("r$7"), '[]')
    from (select "t$8"."name" as "name"
      from "public"."author" as "t$8"
      where ("t$8"."settings" = $3::"pg_catalog"."jsonb")) as "r$7") as "jsonb_equal", (select coalesce(json_agg("r$9"), '[]')
    from (select "b$10"."name" as "name"
      from (select "t$11"."name", "t$11"."id" as "o$1"
        from "public"."author" as "t$11"
        where ("t$11"."settings" = any($4::"pg_catalog"."jsonb"[]))
        order by "t$11"."id" asc nulls last) as "b$10") as "r$9") as "jsonb_in", (select coalesce(json_agg("r$12"), '[]')
    from (select "b$13"."title" as "title"
      from (select "t$14"."title", "t$14"."title" as "o$1"
        from "public"."article" as "t$14"
        where ("t$14"."meta" > $5::"pg_catalog"."jsonb")
        order by "t$14"."title" asc nulls last) as "b$13") as "r$12") as "jsonb_greater", (select coalesce(json_agg("r$15"), '[]')
    from (select "t$16"."title" as "title"
      from "public"."article" as "t$16"
      where ("t$16"."raw" is null)) as "r$15") as "json_null") as "r$17"
