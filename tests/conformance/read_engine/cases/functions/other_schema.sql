select row_to_json("r$8")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "b$2"."article_id" as "article_id", "b$2"."number" as "number", 'archive_edition'::text as "__typename"
      from (select "t$3"."article_id", "t$3"."number", "t$3"."article_id" as "o$1"
        from "archive"."editions_of"($1::"pg_catalog"."text") as "t$3"
        order by "t$3"."article_id" asc nulls last) as "b$2") as "r$1") as "archive_editions_of", (select row_to_json("r$7")
    from (select (select row_to_json("r$6")
        from (select "f$5"."a$1" as "count"
          from (select count(*) as "a$1"
            from "archive"."editions_of"($2::"pg_catalog"."text") as "t$4") as "f$5") as "r$6") as "aggregate") as "r$7") as "archive_editions_of_aggregate") as "r$8"
