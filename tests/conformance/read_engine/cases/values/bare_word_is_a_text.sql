select row_to_json("r$3")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "t$2"."id" as "id", "t$2"."sizes" as "sizes", "t$2"."varied" as "varied"
      from "public"."sample" as "t$2"
      where (("t$2"."sizes" = $1::"public"."size") and ("t$2"."varied" = any($2::"pg_catalog"."varchar"[])))) as "r$1") as "sample") as "r$3"
