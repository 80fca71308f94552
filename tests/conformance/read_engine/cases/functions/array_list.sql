select row_to_json("r$6")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "t$2"."title" as "title"
      from "public"."articles_among"($1::"pg_catalog"."_uuid") as "t$2") as "r$1") as "variable", (select coalesce(json_agg("r$3"), '[]')
    from (select "b$4"."title" as "title"
      from (select "t$5"."title", "t$5"."id" as "o$1"
        from "public"."articles_among"($2::"pg_catalog"."_uuid") as "t$5"
        order by "t$5"."id" asc nulls last) as "b$4") as "r$3") as "literal") as "r$6"
