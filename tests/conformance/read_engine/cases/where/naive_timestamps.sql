select row_to_json("r$6")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "b$2"."published_at" as "published_at"
      from (select "t$3"."published_at", "t$3"."published_at" as "o$1"
        from "public"."article" as "t$3"
        where ("t$3"."published_at" >= $1::"pg_catalog"."timestamptz")
        order by "t$3"."published_at" asc nulls last) as "b$2") as "r$1") as "utc", (select coalesce(json_agg("r$4"), '[]')
    from (select "t$5"."joined_at" as "joined_at"
      from "public"."author" as "t$5"
      where ("t$5"."joined_at" = $2::"pg_catalog"."timestamptz")) as "r$4") as "zoned") as "r$6"
