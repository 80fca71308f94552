select row_to_json("r$4")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "b$2"."title" as "title", "b$2"."rating" as "rating"
      from (select "t$3"."title", "t$3"."rating", "t$3"."id" as "o$1"
        from "public"."articles_among"($1::"pg_catalog"."_uuid") as "t$3"
        order by "t$3"."id" asc nulls last) as "b$2") as "r$1") as "articles_among") as "r$4"
