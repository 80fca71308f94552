select row_to_json("r$7")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "b$2"."name" as "name", "public"."distance_to"("b$2"."row$", "gis".st_geomfromgeojson($1::text)::"gis"."geometry") as "distance_to"
      from (select "t$3"."name", "t$3" as "row$", "t$3"."id" as "o$1"
        from "public"."around"("gis".st_geomfromgeojson($2::text)::"gis"."geometry") as "t$3"
        order by "t$3"."id" asc nulls last) as "b$2") as "r$1") as "around", (select coalesce(json_agg("r$4"), '[]')
    from (select "b$5"."name" as "name"
      from (select "t$6"."name", "t$6"."id" as "o$1"
        from "public"."around"("gis".st_geomfromgeojson($3::text)::"gis"."geometry", $4::"pg_catalog"."float8") as "t$6"
        where ("gis".st_dwithin("public"."middle"("t$6"), "gis".st_geomfromgeojson($5::text)::"gis"."geometry", $6::"pg_catalog"."float8"))
        order by "t$6"."id" asc nulls last) as "b$5") as "r$4") as "far") as "r$7"
