select row_to_json("r$3")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "t$2"."id" as "id"
      from "public"."shape" as "t$2"
      where (not ("t$2"."form" operator("gis".=) "t$2"."claim"))) as "r$1") as "shape") as "r$3"
