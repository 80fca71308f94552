select row_to_json("r$7")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "t$2"."id" as "id"
      from "public"."author" as "t$2"
      where ("t$2"."settings" ? null::"pg_catalog"."text")) as "r$1") as "literal", (select coalesce(json_agg("r$3"), '[]')
    from (select "t$4"."id" as "id"
      from "public"."author" as "t$4"
      where ("t$4"."settings" ? null::"pg_catalog"."text")) as "r$3") as "variable", (select coalesce(json_agg("r$5"), '[]')
    from (select "t$6"."id" as "id"
      from "public"."author" as "t$6"
      where (not ("t$6"."settings" ? null::"pg_catalog"."text"))) as "r$5") as "not") as "r$7"
