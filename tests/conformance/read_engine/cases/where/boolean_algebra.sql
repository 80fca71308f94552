select row_to_json("r$25")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "t$2"."id" as "id"
      from "public"."author" as "t$2"
      where (("t$2"."id" > $1::"pg_catalog"."int4") and ("t$2"."country" = $2::"pg_catalog"."text"))) as "r$1") as "and", (select coalesce(json_agg("r$3"), '[]')
    from (select "t$4"."id" as "id"
      from "public"."author" as "t$4"
      where ("t$4"."id" = $3::"pg_catalog"."int4")) as "r$3") as "single", (select coalesce(json_agg("r$5"), '[]')
    from (select "b$6"."id" as "id"
      from (select "t$7"."id", "t$7"."id" as "o$1"
        from "public"."author" as "t$7"
        where (("t$7"."id" = $4::"pg_catalog"."int4") or ("t$7"."name" = $5::"pg_catalog"."text"))
        order by "t$7"."id" asc nulls last) as "b$6") as "r$5") as "or", (select coalesce(json_agg("r$8"), '[]')
    from (select "t$9"."id" as "id"
      from "public"."author" as "t$9"
      where (not ("t$9"."id" > $6::"pg_catalog"."int4"))) as "r$8") as "not", (select coalesce(json_agg("r$10"), '[]')
    from (select "b$11"."id" as "id"
      from (select *
        from (select "t$12"."id", "t$12"."id" as "o$1"
          from "public"."author" as "t$12"
          order by "t$12"."id" asc nulls last limit 1) as "c$13"
        order by "c$13"."o$1" asc nulls last limit $7::"pg_catalog"."int8") as "b$11") as "r$10") as "empty_and", (select coalesce(json_agg("r$14"), '[]')
    from (select "t$15"."id" as "id"
      from "public"."author" as "t$15"
      where false) as "r$14") as "empty_or", (select coalesce(json_agg("r$16"), '[]')
    from (select "t$17"."id" as "id"
      from "public"."author" as "t$17"
      where false) as "r$16") as "not_empty", (select coalesce(json_agg("r$18"), '[]')
    from (select "b$19"."id" as "id"
      from (select *
        from (select "t$20"."id", "t$20"."id" as "o$1"
          from "public"."author" as "t$20"
          order by "t$20"."id" asc nulls last limit 1) as "c$21"
        order by "c$21"."o$1" asc nulls last limit $8::"pg_catalog"."int8") as "b$19") as "r$18") as "nothing", (select coalesce(json_agg("r$22"), '[]')
    from (select "b$23"."id" as "id"
      from (select "t$24"."id", "t$24"."id" as "o$1"
        from "public"."author" as "t$24"
        where (("t$24"."id" > $9::"pg_catalog"."int4") and (("t$24"."country" is null) or (not ("t$24"."country" = $10::"pg_catalog"."text"))))
        order by "t$24"."id" asc nulls last) as "b$23") as "r$22") as "mixed") as "r$25"
