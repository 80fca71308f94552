select row_to_json("r$3")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "t$2"."id" as "id", "public"."author_label"("t$2") as "label", "public"."author_is_caller"("t$2", $1::"pg_catalog"."json") as "is_caller"
      from "public"."author" as "t$2"
      where ("public"."author_is_caller"("t$2", $1::"pg_catalog"."json") = $2::"pg_catalog"."bool")) as "r$1") as "author") as "r$3"
