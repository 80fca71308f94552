select row_to_json("r$23")
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
      from (select "t$12"."id", "t$12"."id" as "o$1"
        from "public"."author" as "t$12"
        order by "t$12"."id" asc nulls last limit $7::"pg_catalog"."int8") as "b$11") as "r$10") as "empty_and", (select coalesce(json_agg("r$13"), '[]')
    from (select "t$14"."id" as "id"
      from "public"."author" as "t$14"
      where false) as "r$13") as "empty_or", (select coalesce(json_agg("r$15"), '[]')
    from (select "t$16"."id" as "id"
      from "public"."author" as "t$16"
      where false) as "r$15") as "not_empty", (select coalesce(json_agg("r$17"), '[]')
    from (select "b$18"."id" as "id"
      from (select "t$19"."id", "t$19"."id" as "o$1"
        from "public"."author" as "t$19"
        order by "t$19"."id" asc nulls last limit $8::"pg_catalog"."int8") as "b$18") as "r$17") as "nothing", (select coalesce(json_agg("r$20"), '[]')
    from (select "b$21"."id" as "id"
      from (select "t$22"."id", "t$22"."id" as "o$1"
        from "public"."author" as "t$22"
        where (("t$22"."id" > $9::"pg_catalog"."int4") and (("t$22"."country" is null) or (not ("t$22"."country" = $10::"pg_catalog"."text"))))
        order by "t$22"."id" asc nulls last) as "b$21") as "r$20") as "mixed") as "r$23"
