select row_to_json("r$4")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "b$2"."id" as "id"
      from (select "t$3"."id", "t$3"."id" as "o$1"
        from "public"."shape" as "t$3"
        where ("t$3"."form" operator("gis".=) any(select "gis".st_geomfromgeojson("v$"::text)::"gis"."geometry"
            from unnest($1::text[]) as "v$"))
        order by "t$3"."id" asc nulls last) as "b$2") as "r$1") as "shape") as "r$4"
