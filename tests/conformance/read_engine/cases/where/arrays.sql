select row_to_json("r$11")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "b$2"."title" as "title"
      from (select "t$3"."title", "t$3"."title" as "o$1"
        from "public"."article" as "t$3"
        where ("t$3"."labels" @> $1::"pg_catalog"."_text")
        order by "t$3"."title" asc nulls last) as "b$2") as "r$1") as "contains", (select coalesce(json_agg("r$4"), '[]')
    from (select "b$5"."title" as "title"
      from (select "t$6"."title", "t$6"."title" as "o$1"
        from "public"."article" as "t$6"
        where ("t$6"."labels" <@ $2::"pg_catalog"."_text")
        order by "t$6"."title" asc nulls last) as "b$5") as "r$4") as "in", (select coalesce(json_agg("r$7"), '[]')
    from (select "t$8"."title" as "title"
      from "public"."article" as "t$8"
      where ("t$8"."labels" = $3::"pg_catalog"."_text")) as "r$7") as "eq", (select coalesce(json_agg("r$9"), '[]')
    from (select "t$10"."title" as "title"
      from "public"."article" as "t$10"
      where ("t$10"."labels" = $4::"pg_catalog"."_text")) as "r$9") as "literal") as "r$11"
