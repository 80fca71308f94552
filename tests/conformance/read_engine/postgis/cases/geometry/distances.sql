select row_to_json("r$11")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "b$2"."name" as "name"
      from (select "t$3"."name", "t$3"."id" as "o$1"
        from "public"."shape" as "t$3"
        where ("gis".st_dwithin("t$3"."form", "gis".st_geomfromgeojson($1::text)::"gis"."geometry", $2::"pg_catalog"."float8"))
        order by "t$3"."id" asc nulls last) as "b$2") as "r$1") as "flat", (select coalesce(json_agg("r$4"), '[]')
    from (select "b$5"."name" as "name"
      from (select "t$6"."name", "t$6"."id" as "o$1"
        from "public"."shape" as "t$6"
        where ("gis".st_3ddwithin("t$6"."form", "gis".st_geomfromgeojson($3::text)::"gis"."geometry", $4::"pg_catalog"."float8"))
        order by "t$6"."id" asc nulls last) as "b$5") as "r$4") as "raised", (select coalesce(json_agg("r$7"), '[]')
    from (select "t$8"."name" as "name"
      from "public"."shape" as "t$8"
      where (("t$8"."id" = $5::"pg_catalog"."int4") and ("gis".st_3ddwithin("t$8"."form", "gis".st_geomfromgeojson($6::text)::"gis"."geometry", $7::"pg_catalog"."float8")))) as "r$7") as "not_quite", (select coalesce(json_agg("r$9"), '[]')
    from (select "t$10"."name" as "name"
      from "public"."shape" as "t$10"
      where ("gis".st_dwithin("t$10"."form", "gis".st_geomfromgeojson($8::text)::"gis"."geometry", $9::"pg_catalog"."float8"))) as "r$9") as "nobody") as "r$11"
