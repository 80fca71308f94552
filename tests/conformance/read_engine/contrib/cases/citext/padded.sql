select row_to_json("r$10")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "t$2"."code" as "code"
      from "public"."shelf" as "t$2"
      where ("t$2"."code" = $1::"pg_catalog"."bpchar")) as "r$1") as "equal", (select coalesce(json_agg("r$3"), '[]')
    from (select "t$4"."code" as "code"
      from "public"."shelf" as "t$4"
      where ("t$4"."code" = any($2::"pg_catalog"."bpchar"[]))) as "r$3") as "padding_counts_for_nothing", (select coalesce(json_agg("r$5"), '[]')
    from (select "b$6"."code" as "code"
      from (select "t$7"."code", "t$7"."id" as "o$1"
        from "public"."shelf" as "t$7"
        where ("t$7"."code" ilike $3::"pg_catalog"."bpchar")
        order by "t$7"."id" asc nulls last) as "b$6") as "r$5") as "like", (select coalesce(json_agg("r$8"), '[]')
    from (select "t$9"."code" as "code"
      from "public"."shelf" as "t$9"
      where ("t$9"."code" ~ $4::"pg_catalog"."bpchar")) as "r$8") as "regex") as "r$10"
