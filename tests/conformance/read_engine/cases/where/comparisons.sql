select row_to_json("r$29")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "t$2"."id" as "id"
      from "public"."author" as "t$2"
      where ("t$2"."id" = $1::"pg_catalog"."int4")) as "r$1") as "eq", (select coalesce(json_agg("r$3"), '[]')
    from (select "b$4"."id" as "id"
      from (select "t$5"."id", "t$5"."id" as "o$1"
        from "public"."author" as "t$5"
        where ("t$5"."id" <> $2::"pg_catalog"."int4")
        order by "t$5"."id" asc nulls last) as "b$4") as "r$3") as "neq", (select coalesce(json_agg("r$6"), '[]')
    from (select "b$7"."id" as "id"
      from (select "t$8"."id", "t$8"."id" as "o$1"
        from "public"."author" as "t$8"
        where ("t$8"."id" > $3::"pg_catalog"."int4")
        order by "t$8"."id" asc nulls last) as "b$7") as "r$6") as "gt", (select coalesce(json_agg("r$9"), '[]')
    from (select "b$10"."id" as "id"
      from (select "t$11"."id", "t$11"."id" as "o$1"
        from "public"."author" as "t$11"
        where ("t$11"."id" >= $4::"pg_catalog"."int4")
        order by "t$11"."id" asc nulls last) as "b$10") as "r$9") as "gte", (select coalesce(json_agg("r$12"), '[]')
    from (select "t$13"."id" as "id"
      from "public"."author" as "t$13"
      where ("t$13"."id" < $5::"pg_catalog"."int4")) as "r$12") as "lt", (select coalesce(json_agg("r$14"), '[]')
    from (select "t$15"."id" as "id"
      from "public"."author" as "t$15"
      where (("t$15"."id" > $6::"pg_catalog"."int4") and ("t$15"."id" <= $7::"pg_catalog"."int4"))) as "r$14") as "lte", (select coalesce(json_agg("r$16"), '[]')
    from (select "b$17"."id" as "id"
      from (select "t$18"."id", "t$18"."id" as "o$1"
        from "public"."author" as "t$18"
        where ("t$18"."id" = any($8::"pg_catalog"."int4"[]))
        order by "t$18"."id" asc nulls last) as "b$17") as "r$16") as "in", (select coalesce(json_agg("r$19"), '[]')
    from (select "t$20"."id" as "id"
      from "public"."author" as "t$20"
      where ("t$20"."id" = any($9::"pg_catalog"."int4"[]))) as "r$19") as "one", (select coalesce(json_agg("r$21"), '[]')
    from (select "t$22"."id" as "id"
      from "public"."author" as "t$22"
      where ("t$22"."id" = any($10::"pg_catalog"."int4"[]))) as "r$21") as "nothing", (select coalesce(json_agg("r$23"), '[]')
    from (select "b$24"."id" as "id"
      from (select "t$25"."id", "t$25"."id" as "o$1"
        from "public"."author" as "t$25"
        where (not ("t$25"."id" = any($11::"pg_catalog"."int4"[])))
        order by "t$25"."id" asc nulls last) as "b$24") as "r$23") as "everything", (select coalesce(json_agg("r$26"), '[]')
    from (select "b$27"."id" as "id", "b$27"."country" as "country"
      from (select "t$28"."id", "t$28"."country", "t$28"."id" as "o$1"
        from "public"."author" as "t$28"
        where (not ("t$28"."country" = any($12::"pg_catalog"."text"[])))
        order by "t$28"."id" asc nulls last) as "b$27") as "r$26") as "nin") as "r$29"
