select row_to_json("r$18")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "t$2"."id" as "id", ("t$2"."big")::text as "big", ("t$2"."exact")::text as "exact", ("t$2"."wide")::text as "wide", "t$2"."narrow" as "narrow", ("t$2"."cash")::text as "cash", "t$2"."counted" as "counted", ("t$2"."bigs")::text[] as "bigs", ("t$2"."exacts")::text[] as "exacts", "t$2"."grid" as "grid"
      from "public"."sample" as "t$2"
      where ("t$2"."id" = $1::"pg_catalog"."int2")) as "r$1") as "sample", (select row_to_json("r$9")
    from (select (select row_to_json("r$8")
        from (select "f$4"."a$1" as "count", (select row_to_json("r$5")
            from (select "f$4"."a$2" as "id", "f$4"."a$3" as "big", "f$4"."a$4" as "exact", "f$4"."a$5" as "counted") as "r$5") as "sum", (select row_to_json("r$6")
            from (select "f$4"."a$6" as "id", "f$4"."a$7" as "exact") as "r$6") as "avg", (select row_to_json("r$7")
            from (select "f$4"."a$8" as "big", "f$4"."a$9" as "cash", "f$4"."a$10" as "wide") as "r$7") as "max"
          from (select count(*) as "a$1", sum("t$3"."id") as "a$2", (sum("t$3"."big"))::text as "a$3", (sum("t$3"."exact"))::text as "a$4", sum("t$3"."counted") as "a$5", avg("t$3"."id") as "a$6", (avg("t$3"."exact"))::text as "a$7", (max("t$3"."big"))::text as "a$8", (max("t$3"."cash"))::text as "a$9", (max("t$3"."wide"))::text as "a$10"
            from "public"."sample" as "t$3"
            where ("t$3"."id" = $2::"pg_catalog"."int2")) as "f$4") as "r$8") as "aggregate") as "r$9") as "sample_aggregate", (select row_to_json("r$15")
    from (select (select row_to_json("r$14")
        from (select (select row_to_json("r$12")
            from (select "f$11"."a$1" as "rating") as "r$12") as "avg", (select row_to_json("r$13")
            from (select "f$11"."a$2" as "rating", "f$11"."a$3" as "views") as "r$13") as "sum"
          from (select (avg("t$10"."rating"))::text as "a$1", (sum("t$10"."rating"))::text as "a$2", (sum("t$10"."views"))::text as "a$3"
            from "public"."article" as "t$10") as "f$11") as "r$14") as "aggregate") as "r$15") as "article_aggregate", (select coalesce(json_agg("r$16"), '[]')
    from (select ("public"."author_output"("t$17"))::text as "output", ("public"."author_score"("t$17", $3::"pg_catalog"."numeric"))::text as "score"
      from "public"."author" as "t$17"
      where ("t$17"."id" = $4::"pg_catalog"."int4")) as "r$16") as "author") as "r$18"
