select row_to_json("r$18")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "t$2"."id" as "id"
      from "public"."author" as "t$2"
      where ("t$2"."settings" @> $1::"pg_catalog"."jsonb")) as "r$1") as "contains", (select coalesce(json_agg("r$3"), '[]')
    from (select "b$4"."id" as "id"
      from (select "t$5"."id", "t$5"."id" as "o$1"
        from "public"."author" as "t$5"
        where ("t$5"."settings" <@ $2::"pg_catalog"."jsonb")
        order by "t$5"."id" asc nulls last) as "b$4") as "r$3") as "in", (select coalesce(json_agg("r$6"), '[]')
    from (select "b$7"."id" as "id"
      from (select "t$8"."id", "t$8"."id" as "o$1"
        from "public"."author" as "t$8"
        where ("t$8"."settings" ? $3::"pg_catalog"."text")
        order by "t$8"."id" asc nulls last) as "b$7") as "r$6") as "key", (select coalesce(json_agg("r$9"), '[]')
    from (select "b$10"."id" as "id"
      from (select "t$11"."id", "t$11"."id" as "o$1"
        from "public"."author" as "t$11"
        where ("t$11"."settings" ?| $4::"pg_catalog"."text"[])
        order by "t$11"."id" asc nulls last) as "b$10") as "r$9") as "any", (select coalesce(json_agg("r$12"), '[]')
    from (select "t$13"."id" as "id"
      from "public"."author" as "t$13"
      where ("t$13"."settings" ?& $5::"pg_catalog"."text"[])) as "r$12") as "all", (select coalesce(json_agg("r$14"), '[]')
    from (select "t$15"."id" as "id"
      from "public"."author" as "t$15"
      where (("t$15"."settings")::"pg_catalog"."text" like $6::"pg_catalog"."text")) as "r$14") as "cast", (select coalesce(json_agg("r$16"), '[]')
    from (select "t$17"."title" as "title"
      from "public"."article" as "t$17"
      where ("t$17"."meta" = $7::"pg_catalog"."jsonb")) as "r$16") as "eq") as "r$18"
