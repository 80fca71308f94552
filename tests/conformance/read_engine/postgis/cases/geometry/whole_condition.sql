select row_to_json("r$6")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "b$2"."name" as "name"
      from (select "t$3"."name", "t$3"."id" as "o$1"
        from "public"."shape" as "t$3"
        where (("gis".st_within("t$3"."form", "gis".st_geomfromgeojson($1::text)::"gis"."geometry")) or ("t$3"."claim" operator("gis".=) "gis".st_geomfromgeojson($2::text)::"public"."plot") or ("t$3"."form" operator("gis".=) "gis".st_geomfromgeojson($3::text)::"gis"."geometry"))
        order by "t$3"."id" asc nulls last) as "b$2") as "r$1") as "shape", (select coalesce(json_agg("r$4"), '[]')
    from (select "t$5"."name" as "name"
      from "public"."shape" as "t$5"
      where ("t$5"."claim" operator("gis".=) "gis".st_geomfromgeojson($4::text)::"public"."plot")) as "r$4") as "parts") as "r$6"
