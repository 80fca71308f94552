select row_to_json("r$4")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "public"."author_greeting"("b$2"."row$", $1::"pg_catalog"."text") as "greeting", "public"."author_greeting"("b$2"."row$", $2::"pg_catalog"."text", $3::"pg_catalog"."text") as "other", "public"."author_greeting"("b$2"."row$", $4::"pg_catalog"."text", null::"pg_catalog"."text") as "null_mark", "public"."author_score"("b$2"."row$", $5::"pg_catalog"."numeric") as "score"
      from (select "t$3" as "row$", "t$3"."id" as "o$1"
        from "public"."author" as "t$3"
        where ("t$3"."id" < $6::"pg_catalog"."int4")
        order by "t$3"."id" asc nulls last) as "b$2") as "r$1") as "author") as "r$4"
