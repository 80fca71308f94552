select row_to_json("r$27")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "public"."author_label"("b$2"."row$") as "label"
      from (select "t$3" as "row$", "t$3"."id" as "o$1"
        from "public"."author" as "t$3"
        where ("public"."author_label"("t$3") ilike $1::"pg_catalog"."text")
        order by "t$3"."id" asc nulls last) as "b$2") as "r$1") as "text", (select coalesce(json_agg("r$4"), '[]')
    from (select "b$5"."name" as "name", "public"."author_output"("b$5"."row$") as "output"
      from (select "t$6"."name", "t$6" as "row$", "t$6"."id" as "o$1"
        from "public"."author" as "t$6"
        where ("public"."author_output"("t$6") > $2::"pg_catalog"."int8")
        order by "t$6"."id" asc nulls last) as "b$5") as "r$4") as "number", (select coalesce(json_agg("r$7"), '[]')
    from (select "t$8"."name" as "name"
      from "public"."author" as "t$8"
      where ("public"."author_output"("t$8") is null)) as "r$7") as "null", (select coalesce(json_agg("r$9"), '[]')
    from (select "t$10"."name" as "name"
      from "public"."author" as "t$10"
      where ("public"."author_is_caller"("t$10", $3::"pg_catalog"."json") = $4::"pg_catalog"."bool")) as "r$9") as "session", (select coalesce(json_agg("r$11"), '[]')
    from (select "b$12"."name" as "name"
      from (select "t$13"."name", "t$13"."id" as "o$1"
        from "public"."author" as "t$13"
        where exists (select 1
          from "public"."author_published"("t$13") as "t$13.1"
          where ("t$13.1"."rating" < $5::"pg_catalog"."numeric"))
        order by "t$13"."id" asc nulls last) as "b$12") as "r$11") as "rows", (select coalesce(json_agg("r$14"), '[]')
    from (select "b$15"."name" as "name"
      from (select "t$16"."name", "t$16"."id" as "o$1"
        from "public"."author" as "t$16"
        where (not exists (select 1
            from "public"."author_published"("t$16") as "t$16.1"))
        order by "t$16"."id" asc nulls last) as "b$15") as "r$14") as "no_rows", (select coalesce(json_agg("r$17"), '[]')
    from (select "t$18"."name" as "name"
      from "public"."author" as "t$18"
      where exists (select 1
        from "public"."author_latest"("t$18") as "t$18.1"
        where not ("t$18.1" is null) and exists (select 1
          from "public"."author" as "t$18.2"
          where "t$18.2"."id" = "t$18.1"."editor_id" and ("public"."author_label"("t$18.2") like $6::"pg_catalog"."text")))) as "r$17") as "row", (select coalesce(json_agg("r$19"), '[]')
    from (select "b$20"."name" as "name"
      from (select "t$21"."name", "t$21"."id" as "o$1"
        from "public"."author" as "t$21"
        where exists (select 1
          from "public"."author_latest"("t$21") as "t$21.1"
          where not ("t$21.1" is null))
        order by "t$21"."id" asc nulls last) as "b$20") as "r$19") as "any_row", (select coalesce(json_agg("r$22"), '[]')
    from (select "b$23"."title" as "title"
      from (select "t$24"."title", "t$24"."title" as "o$1"
        from "public"."article" as "t$24"
        where ("public"."article_facts"("t$24") @> $7::"pg_catalog"."jsonb")
        order by "t$24"."title" asc nulls last) as "b$23") as "r$22") as "json", (select coalesce(json_agg("r$25"), '[]')
    from (select "t$26"."title" as "title"
      from "public"."article" as "t$26"
      where exists (select 1
        from "public"."author" as "t$26.1"
        where "t$26.1"."id" = "t$26"."author_id" and ("public"."author_label"("t$26.1") = $8::"pg_catalog"."text"))) as "r$25") as "through") as "r$27"
