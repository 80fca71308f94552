select row_to_json("r$4")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "b$2"."name" as "name"
      from (select "t$3"."name", "t$3"."name" as "o$1"
        from "public"."place" as "t$3"
        where ("gis".st_dwithin(("t$3"."mapped")::"gis"."geography", "gis".st_geomfromgeojson($1::text)::"gis"."geography", $2::"pg_catalog"."float8", $3::"pg_catalog"."bool"))
        order by "t$3"."name" asc nulls last) as "b$2") as "r$1") as "place") as "r$4"
