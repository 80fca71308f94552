select row_to_json("r$8")
from (select (select row_to_json("r$2")
    from (select "t$1"."rating" as "rating", "t$1"."views" as "views", "t$1"."published" as "published", "t$1"."published_at" as "published_at", "t$1"."updated" as "updated", "t$1"."labels" as "labels", "t$1"."meta" as "meta", "t$1"."raw" as "raw", "t$1"."meta" #> $1::"pg_catalog"."_text" as "words", "t$1"."meta" #> $2::"pg_catalog"."_text" as "lang", "t$1"."meta" #> $3::"pg_catalog"."_text" as "whole", "t$1"."raw" #> $4::"pg_catalog"."_text" as "missing"
      from "public"."article" as "t$1"
      where ("t$1"."id" = $5::"pg_catalog"."uuid")) as "r$2") as "article_by_pk", (select coalesce(json_agg("r$3"), '[]')
    from (select "b$4"."number" as "number", "b$4"."printed" as "printed", "b$4"."ratio" as "ratio", "b$4"."price" as "price", "b$4"."span" as "span", "b$4"."at_time" as "at_time"
      from (select "t$5"."number", "t$5"."printed", "t$5"."ratio", "t$5"."price", "t$5"."span", "t$5"."at_time", "t$5"."article_id" as "o$1", "t$5"."number" as "o$2"
        from "archive"."edition" as "t$5"
        order by "t$5"."article_id" asc nulls last, "t$5"."number" asc nulls last) as "b$4") as "r$3") as "edition", (select coalesce(json_agg("r$6"), '[]')
    from (select "t$7"."name" as "name", "t$7"."born" as "born", "t$7"."settings" as "settings", "t$7"."joined_at" as "joined_at", "t$7"."settings" #> $6::"pg_catalog"."_text" as "spaced"
      from "public"."author" as "t$7"
      where ("t$7"."id" = $7::"pg_catalog"."int4")) as "r$6") as "author") as "r$8"
