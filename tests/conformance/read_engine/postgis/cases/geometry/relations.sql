select row_to_json("r$22")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "b$2"."name" as "name"
      from (select "t$3"."name", "t$3"."id" as "o$1"
        from "public"."shape" as "t$3"
        where ("gis".st_contains("t$3"."form", "gis".st_geomfromgeojson($1::text)::"gis"."geometry"))
        order by "t$3"."id" asc nulls last) as "b$2") as "r$1") as "contains", (select coalesce(json_agg("r$4"), '[]')
    from (select "b$5"."name" as "name"
      from (select "t$6"."name", "t$6"."id" as "o$1"
        from "public"."shape" as "t$6"
        where ("gis".st_crosses("t$6"."form", "gis".st_geomfromgeojson($2::text)::"gis"."geometry"))
        order by "t$6"."id" asc nulls last) as "b$5") as "r$4") as "crosses", (select coalesce(json_agg("r$7"), '[]')
    from (select "t$8"."name" as "name"
      from "public"."shape" as "t$8"
      where ("gis".st_equals("t$8"."form", "gis".st_geomfromgeojson($3::text)::"gis"."geometry"))) as "r$7") as "equals", (select coalesce(json_agg("r$9"), '[]')
    from (select "b$10"."name" as "name"
      from (select "t$11"."name", "t$11"."id" as "o$1"
        from "public"."shape" as "t$11"
        where ("gis".st_intersects("t$11"."form", "gis".st_geomfromgeojson($4::text)::"gis"."geometry"))
        order by "t$11"."id" asc nulls last) as "b$10") as "r$9") as "intersects", (select coalesce(json_agg("r$12"), '[]')
    from (select "t$13"."name" as "name"
      from "public"."shape" as "t$13"
      where ("gis".st_3dintersects("t$13"."form", "gis".st_geomfromgeojson($5::text)::"gis"."geometry"))) as "r$12") as "intersects_3d", (select coalesce(json_agg("r$14"), '[]')
    from (select "b$15"."name" as "name"
      from (select "t$16"."name", "t$16"."id" as "o$1"
        from "public"."shape" as "t$16"
        where ("gis".st_overlaps("t$16"."form", "gis".st_geomfromgeojson($6::text)::"gis"."geometry"))
        order by "t$16"."id" asc nulls last) as "b$15") as "r$14") as "overlaps", (select coalesce(json_agg("r$17"), '[]')
    from (select "t$18"."name" as "name"
      from "public"."shape" as "t$18"
      where ("gis".st_touches("t$18"."form", "gis".st_geomfromgeojson($7::text)::"gis"."geometry"))) as "r$17") as "touches", (select coalesce(json_agg("r$19"), '[]')
    from (select "b$20"."name" as "name"
      from (select "t$21"."name", "t$21"."id" as "o$1"
        from "public"."shape" as "t$21"
        where ("gis".st_within("t$21"."form", "gis".st_geomfromgeojson($8::text)::"gis"."geometry"))
        order by "t$21"."id" asc nulls last) as "b$20") as "r$19") as "within") as "r$22"
