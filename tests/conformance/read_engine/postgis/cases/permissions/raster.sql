select row_to_json("r$3")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "t$2"."id" as "id"
      from "public"."picture" as "t$2"
      where ("gis".st_intersects("t$2"."image", "gis".st_geomfromgeojson($1::text)::"gis"."geometry", null::"pg_catalog"."int4"))) as "r$1") as "picture") as "r$3"
