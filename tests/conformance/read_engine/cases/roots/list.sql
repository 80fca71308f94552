select row_to_json("r$5")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "t$2"."id" as "id", "t$2"."label" as "text"
      from "public"."tag" as "t$2") as "r$1") as "tag", (select coalesce(json_agg("r$3"), '[]')
    from (select "t$4"."name" as "name"
      from "public"."author" as "t$4") as "r$3") as "author") as "r$5"
