select row_to_json("r$7")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "t$2"."title" as "title", "t$2"."rating" as "rating"
      from "public"."articles_among"($1::"pg_catalog"."_uuid", "at_most" => $2::"pg_catalog"."numeric") as "t$2") as "r$1") as "articles_among", (select row_to_json("r$6")
    from (select (select row_to_json("r$5")
        from (select "f$4"."a$1" as "count"
          from (select count(*) as "a$1"
            from "public"."articles_among"($3::"pg_catalog"."_uuid", $4::"pg_catalog"."numeric") as "t$3") as "f$4") as "r$5") as "aggregate") as "r$6") as "count_articles_among") as "r$7"
