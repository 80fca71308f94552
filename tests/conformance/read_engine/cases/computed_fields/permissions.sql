select row_to_json("r$12")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "public"."author_label"("b$2"."row$") as "label", (select coalesce(json_agg("r$3"), '[]')
        from (select "b$4"."title" as "title", "b$4"."views" as "views"
          from (select "t$5"."title", "t$5"."views", "t$5"."title" as "o$1"
            from "public"."author_published"("b$2"."row$") as "t$5"
            where ("t$5"."published" = $1::"pg_catalog"."bool")
            order by "t$5"."title" asc nulls last limit $2::"pg_catalog"."int8") as "b$4") as "r$3") as "published"
      from (select "t$6" as "row$", "public"."author_label"("t$6") as "o$1"
        from "public"."author" as "t$6"
        order by "public"."author_label"("t$6") asc nulls last) as "b$2") as "r$1") as "author", (select row_to_json("r$11")
    from (select (select row_to_json("r$10")
        from (select (select row_to_json("r$9")
            from (select "f$8"."a$1" as "label") as "r$9") as "max"
          from (select max("public"."author_label"("t$7")) as "a$1"
            from "public"."author" as "t$7") as "f$8") as "r$10") as "aggregate") as "r$11") as "author_aggregate") as "r$12"
