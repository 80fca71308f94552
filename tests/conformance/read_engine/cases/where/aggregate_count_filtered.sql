select row_to_json("r$17")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "b$2"."name" as "name"
      from (select "t$3"."name", "t$3"."id" as "o$1"
        from "public"."author" as "t$3"
        where ((select count(*)
            from "public"."article" as "t$3.1"
            where "t$3.1"."author_id" = "t$3"."id" and ("t$3.1"."published" = $1::"pg_catalog"."bool")) = $2::"pg_catalog"."int4")
        order by "t$3"."id" asc nulls last) as "b$2") as "r$1") as "filter", (select coalesce(json_agg("r$4"), '[]')
    from (select "t$5"."name" as "name"
      from "public"."author" as "t$5"
      where exists (select 1
        from "public"."author" as "t$5.1"
        where "t$5.1"."mentor_id" = "t$5"."id" and ((select count(*)
            from "public"."article" as "t$5.2"
            where "t$5.2"."author_id" = "t$5.1"."id" and exists (select 1
              from "public"."author" as "t$5.3"
              where "t$5.3"."id" = "t$5.2"."editor_id" and ("t$5.3"."id" = $3::"pg_catalog"."int4"))) > $4::"pg_catalog"."int4"))) as "r$4") as "nested", (select coalesce(json_agg("r$6"), '[]')
    from (select "t$7"."name" as "name"
      from "public"."author" as "t$7"
      where ((select count(*)
          from "public"."author" as "t$7.1"
          where "t$7.1"."mentor_id" = "t$7"."id" and ((select count(*)
              from "public"."article" as "t$7.2"
              where "t$7.2"."author_id" = "t$7.1"."id") > $5::"pg_catalog"."int4")) = $6::"pg_catalog"."int4")) as "r$6") as "nested_inside", (select coalesce(json_agg("r$8"), '[]')
    from (select "b$9"."name" as "name"
      from (select "t$10"."name", "t$10"."id" as "o$1"
        from "public"."author" as "t$10"
        where ((select count("t$10.1"."rating")
            from "public"."article" as "t$10.1"
            where "t$10.1"."author_id" = "t$10"."id") = $7::"pg_catalog"."int4")
        order by "t$10"."id" asc nulls last) as "b$9") as "r$8") as "column", (select coalesce(json_agg("r$11"), '[]')
    from (select "b$12"."name" as "name"
      from (select "t$13"."name", "t$13"."id" as "o$1"
        from "public"."author" as "t$13"
        where ((select count(distinct "t$13.1"."editor_id")
            from "public"."article" as "t$13.1"
            where "t$13.1"."editor_id" = "t$13"."id") = $8::"pg_catalog"."int4")
        order by "t$13"."id" asc nulls last) as "b$12") as "r$11") as "distinct", (select coalesce(json_agg("r$14"), '[]')
    from (select "b$15"."name" as "name"
      from (select "t$16"."name", "t$16"."id" as "o$1"
        from "public"."author" as "t$16"
        where ((select count(("t$16.1"."rating", "t$16.1"."body"))
            from "public"."article" as "t$16.1"
            where "t$16.1"."author_id" = "t$16"."id") = $9::"pg_catalog"."int4")
        order by "t$16"."id" asc nulls last) as "b$15") as "r$14") as "columns") as "r$17"
