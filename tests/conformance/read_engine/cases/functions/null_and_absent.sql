select row_to_json("r$5")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "t$2"."title" as "title"
      from "public"."articles_among"($1::"pg_catalog"."_uuid", null::"pg_catalog"."numeric") as "t$2") as "r$1") as "null_is_given", (select coalesce(json_agg("r$3"), '[]')
    from (select "t$4"."title" as "title"
      from "public"."articles_among"($2::"pg_catalog"."_uuid") as "t$4") as "r$3") as "absent_is_default") as "r$5"
