select row_to_json("r$3")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "t$2"."settings" #> $1::"pg_catalog"."_text" as "whole", "t$2"."settings" #> $2::"pg_catalog"."_text" as "empty", "t$2"."settings" as "null", "t$2"."settings" #> $3::"pg_catalog"."_text" as "name", "t$2"."settings" #> $4::"pg_catalog"."_text" as "dot", "t$2"."settings" #> $5::"pg_catalog"."_text" as "member", "t$2"."settings" #> $6::"pg_catalog"."_text" as "item", "t$2"."settings" #> $7::"pg_catalog"."_text" as "quoted", "t$2"."settings" #> $8::"pg_catalog"."_text" as "double", "t$2"."settings" #> $9::"pg_catalog"."_text" as "first", "t$2"."settings" #> $10::"pg_catalog"."_text" as "missing", "t$2"."settings" #> $11::"pg_catalog"."_text" as "through_a_number"
      from "public"."author" as "t$2"
      where ("t$2"."id" = $12::"pg_catalog"."int4")) as "r$1") as "author") as "r$3"
