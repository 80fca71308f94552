select row_to_json("r$7")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "gis".st_asgeojson("t$2"."at", 15, 4)::"pg_catalog"."json" as "at"
      from "public"."pin" as "t$2"
      where (("t$2"."shape_id" = $1::"pg_catalog"."int4") and ("t$2"."at" operator("gis".&&) "gis".st_geomfromgeojson($2::text)::"gis"."geometry") and (case when ("t$2"."shape_id" = $1::"pg_catalog"."int4") then ("gis".st_intersects("t$2"."at", "gis".st_geomfromgeojson($2::text)::"gis"."geometry")) end))) as "r$1") as "intersects", (select coalesce(json_agg("r$3"), '[]')
    from (select "gis".st_asgeojson("t$4"."at", 15, 4)::"pg_catalog"."json" as "at"
      from "public"."pin" as "t$4"
      where (("t$4"."shape_id" = $1::"pg_catalog"."int4") and (case when ("t$4"."shape_id" = $1::"pg_catalog"."int4") then ("gis".st_dwithin(("t$4"."at")::"gis"."geography", "gis".st_geomfromgeojson($3::text)::"gis"."geography", $4::"pg_catalog"."float8", $5::"pg_catalog"."bool")) end))) as "r$3") as "near", (select coalesce(json_agg("r$5"), '[]')
    from (select "gis".st_asgeojson("t$6"."at", 15, 4)::"pg_catalog"."json" as "at"
      from "public"."pin" as "t$6"
      where (("t$6"."shape_id" = $1::"pg_catalog"."int4") and (case when ("t$6"."shape_id" = $1::"pg_catalog"."int4") then (("t$6"."at")::"gis"."geography" is not null) end))) as "r$5") as "cast") as "r$7"
