select row_to_json("r$19")
from (select (select row_to_json("r$7")
    from (select (select row_to_json("r$6")
        from (select (select row_to_json("r$3")
            from (select "f$2"."a$1" as "label", "f$2"."a$2" as "greeting", "f$2"."a$3" as "output") as "r$3") as "max", (select row_to_json("r$4")
            from (select "f$2"."a$4" as "output", "f$2"."a$5" as "score") as "r$4") as "sum", (select row_to_json("r$5")
            from (select "f$2"."a$6" as "output") as "r$5") as "avg"
          from (select max("public"."author_label"("t$1")) as "a$1", max("public"."author_greeting"("t$1", $1::"pg_catalog"."text")) as "a$2", max("public"."author_output"("t$1")) as "a$3", sum("public"."author_output"("t$1")) as "a$4", sum("public"."author_score"("t$1", $2::"pg_catalog"."numeric")) as "a$5", avg("public"."author_output"("t$1")) as "a$6"
            from "public"."author" as "t$1") as "f$2") as "r$6") as "aggregate") as "r$7") as "author_aggregate", (select row_to_json("r$18")
    from (select (select row_to_json("r$13")
        from (select "f$9"."a$1" as "count", (select row_to_json("r$10")
            from (select "f$9"."a$2" as "label", "f$9"."a$3" as "score") as "r$10") as "min"
          from (select count(*) as "a$1", min("public"."author_label"("b$8"."row$")) as "a$2", min("public"."author_score"("b$8"."row$", $3::"pg_catalog"."numeric")) as "a$3"
            from (select *
              from (select "t$11" as "row$", "t$11"."id" as "o$1"
                from "public"."author" as "t$11"
                order by "t$11"."id" asc nulls last limit 4) as "c$12"
              order by "c$12"."o$1" asc nulls last limit $4::"pg_catalog"."int8") as "b$8") as "f$9") as "r$13") as "aggregate", (select coalesce(json_agg("r$14"), '[]')
        from (select "public"."author_label"("b$15"."row$") as "label"
          from (select *
            from (select "t$16" as "row$", "t$16"."id" as "o$1"
              from "public"."author" as "t$16"
              order by "t$16"."id" asc nulls last limit 4) as "c$17"
            order by "c$17"."o$1" asc nulls last limit $4::"pg_catalog"."int8") as "b$15") as "r$14") as "nodes") as "r$18") as "page") as "r$19"
