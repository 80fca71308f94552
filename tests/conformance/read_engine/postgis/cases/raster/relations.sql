select row_to_json("r$16")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "b$2"."image" as "image"
      from (select "t$3"."image", "t$3"."id" as "o$1"
        from "public"."picture" as "t$3"
        order by "t$3"."id" asc nulls last) as "b$2") as "r$1") as "picture", (select coalesce(json_agg("r$4"), '[]')
    from (select "t$5"."id" as "id"
      from "public"."picture" as "t$5"
      where ("gis".st_intersects("t$5"."image", $1::"gis"."raster"))) as "r$4") as "rast", (select coalesce(json_agg("r$6"), '[]')
    from (select "t$7"."id" as "id"
      from "public"."picture" as "t$7"
      where ("gis".st_intersects("t$7"."image", $2::"pg_catalog"."int4", "gis".st_geomfromgeojson($3::text)::"gis"."geometry"))) as "r$6") as "band", (select coalesce(json_agg("r$8"), '[]')
    from (select "t$9"."id" as "id"
      from "public"."picture" as "t$9"
      where ("gis".st_intersects("t$9"."image", "gis".st_geomfromgeojson($4::text)::"gis"."geometry", null::"pg_catalog"."int4"))) as "r$8") as "no_band", (select coalesce(json_agg("r$10"), '[]')
    from (select "t$11"."id" as "id"
      from "public"."picture" as "t$11"
      where ("gis".st_intersects("t$11"."image", "gis".st_geomfromgeojson($5::text)::"gis"."geometry", $6::"pg_catalog"."int4"))) as "r$10") as "this_band", (select coalesce(json_agg("r$12"), '[]')
    from (select "t$13"."id" as "id"
      from "public"."picture" as "t$13"
      where ("t$13"."image" operator("gis".=) $7::"gis"."raster")) as "r$12") as "eq", (select coalesce(json_agg("r$14"), '[]')
    from (select "t$15"."id" as "id"
      from "public"."picture" as "t$15"
      where ((not ("t$15"."image" operator("gis".=) any($8::"gis"."raster"[]))) and ("t$15"."image" is not null))) as "r$14") as "nin") as "r$16"
