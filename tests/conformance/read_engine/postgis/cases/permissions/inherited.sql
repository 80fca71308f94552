select row_to_json("r$6")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "b$2"."id" as "id", "gis".st_asgeojson((case when ("gis".st_within("b$2"."form", "gis".st_geomfromgeojson($1::text)::"gis"."geometry")) then "b$2"."form" end), 15, 4)::"pg_catalog"."json" as "form"
      from (select "t$3"."id", "t$3"."form", "t$3"."id" as "o$1"
        from "public"."shape" as "t$3"
        where (("gis".st_within("t$3"."form", "gis".st_geomfromgeojson($1::text)::"gis"."geometry")) or ("gis".st_intersects("t$3"."form", "gis".st_geomfromgeojson($2::text)::"gis"."geometry")))
        order by "t$3"."id" asc nulls last) as "b$2") as "r$1") as "shape", (select coalesce(json_agg("r$4"), '[]')
    from (select "t$5"."id" as "id"
      from "public"."shape" as "t$5"
      where ((("gis".st_within("t$5"."form", "gis".st_geomfromgeojson($1::text)::"gis"."geometry")) or ("gis".st_intersects("t$5"."form", "gis".st_geomfromgeojson($2::text)::"gis"."geometry"))) and ((case when ("gis".st_within("t$5"."form", "gis".st_geomfromgeojson($1::text)::"gis"."geometry")) then "t$5"."form" end) operator("gis".&&) "gis".st_geomfromgeojson($3::text)::"gis"."geometry") and (case when (("gis".st_within("t$5"."form", "gis".st_geomfromgeojson($1::text)::"gis"."geometry")) or ("gis".st_intersects("t$5"."form", "gis".st_geomfromgeojson($2::text)::"gis"."geometry"))) then ("gis".st_intersects((case when ("gis".st_within("t$5"."form", "gis".st_geomfromgeojson($1::text)::"gis"."geometry")) then "t$5"."form" end), "gis".st_geomfromgeojson($3::text)::"gis"."geometry")) end))) as "r$4") as "seen") as "r$6"
