select row_to_json("r$5")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "t$2"."id" as "id"
      from "public"."author" as "t$2"
      where ("t$2"."settings" @> $1::"pg_catalog"."jsonb")) as "r$1") as "words", (select coalesce(json_agg("r$3"), '[]')
    from (select "t$4"."id" as "id"
      from "public"."author" as "t$4"
      where ("t$4"."settings" @> $2::"pg_catalog"."jsonb")) as "r$3") as "variable") as "r$5"
