select row_to_json("r$21")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "b$2"."id" as "id"
      from (select "t$3"."id", "t$3"."country" as "o$1", "t$3"."id" as "o$2"
        from "public"."author" as "t$3"
        order by "t$3"."country" asc nulls last, "t$3"."id" asc nulls last) as "b$2") as "r$1") as "asc", (select coalesce(json_agg("r$4"), '[]')
    from (select "b$5"."id" as "id"
      from (select "t$6"."id", "t$6"."country" as "o$1", "t$6"."id" as "o$2"
        from "public"."author" as "t$6"
        order by "t$6"."country" desc nulls first, "t$6"."id" asc nulls last) as "b$5") as "r$4") as "desc", (select coalesce(json_agg("r$7"), '[]')
    from (select "b$8"."id" as "id"
      from (select "t$9"."id", "t$9"."country" as "o$1", "t$9"."id" as "o$2"
        from "public"."author" as "t$9"
        order by "t$9"."country" asc nulls first, "t$9"."id" asc nulls last) as "b$8") as "r$7") as "first", (select coalesce(json_agg("r$10"), '[]')
    from (select "b$11"."id" as "id"
      from (select "t$12"."id", "t$12"."country" as "o$1", "t$12"."id" as "o$2"
        from "public"."author" as "t$12"
        order by "t$12"."country" desc nulls last, "t$12"."id" desc nulls first) as "b$11") as "r$10") as "last", (select coalesce(json_agg("r$13"), '[]')
    from (select "b$14"."id" as "id"
      from (select "t$15"."id", "t$15"."country" as "o$1", "t$15"."id" as "o$2"
        from "public"."author" as "t$15"
        order by "t$15"."country" asc nulls last, "t$15"."id" desc nulls first) as "b$14") as "r$13") as "one_object", (select coalesce(json_agg("r$16"), '[]')
    from (select "b$17"."id" as "id"
      from (select "t$18"."id", "t$18"."id" as "o$1"
        from "public"."author" as "t$18"
        order by "t$18"."id" desc nulls first) as "b$17") as "r$16") as "null", (select coalesce(json_agg("r$19"), '[]')
    from (select "t$20"."id" as "id"
      from "public"."author" as "t$20"
      where ("t$20"."id" = $1::"pg_catalog"."int4")) as "r$19") as "empty") as "r$21"
