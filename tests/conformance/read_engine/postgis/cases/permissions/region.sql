select row_to_json("r$4")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "b$2"."id" as "id", "gis".st_asgeojson("b$2"."form", 15, 4)::"pg_catalog"."json" as "form", "gis".st_asgeojson("public"."middle"("b$2"."row$"), 15, 4)::"pg_catalog"."json" as "middle"
      from (select "t$3"."id", "t$3"."form", "t$3" as "row$", "t$3"."id" as "o$1"
        from "public"."shape" as "t$3"
        where ("gis".st_within("t$3"."form", "gis".st_geomfromgeojson($1::text)::"gis"."geometry"))
        order by "t$3"."id" asc nulls last) as "b$2") as "r$1") as "shape") as "r$4"
