select row_to_json("r$19")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "t$2"."name" as "name", "gis".st_asgeojson("t$2"."spot", 15, 4)::"pg_catalog"."json" as "spot"
      from "public"."place" as "t$2"
      where ("gis".st_intersects("t$2"."spot", "gis".st_geomfromgeojson($1::text)::"gis"."geography"))) as "r$1") as "intersects", (select coalesce(json_agg("r$3"), '[]')
    from (select "b$4"."name" as "name"
      from (select "t$5"."name", "t$5"."id" as "o$1"
        from "public"."place" as "t$5"
        where ("gis".st_dwithin("t$5"."spot", "gis".st_geomfromgeojson($2::text)::"gis"."geography", $3::"pg_catalog"."float8", $4::"pg_catalog"."bool"))
        order by "t$5"."id" asc nulls last) as "b$4") as "r$3") as "near", (select coalesce(json_agg("r$6"), '[]')
    from (select "b$7"."name" as "name"
      from (select "t$8"."name", "t$8"."id" as "o$1"
        from "public"."place" as "t$8"
        where ("gis".st_dwithin("t$8"."spot", "gis".st_geomfromgeojson($5::text)::"gis"."geography", $6::"pg_catalog"."float8", $4::"pg_catalog"."bool"))
        order by "t$8"."id" asc nulls last) as "b$7") as "r$6") as "both", (select coalesce(json_agg("r$9"), '[]')
    from (select "b$10"."name" as "name"
      from (select "t$11"."name", "t$11"."id" as "o$1"
        from "public"."place" as "t$11"
        where ("gis".st_dwithin("t$11"."spot", "gis".st_geomfromgeojson($5::text)::"gis"."geography", $7::"pg_catalog"."float8", $8::"pg_catalog"."bool"))
        order by "t$11"."id" asc nulls last) as "b$10") as "r$9") as "sphere", (select coalesce(json_agg("r$12"), '[]')
    from (select "t$13"."name" as "name"
      from "public"."place" as "t$13"
      where ("gis".st_dwithin("t$13"."spot", "gis".st_geomfromgeojson($5::text)::"gis"."geography", $9::"pg_catalog"."float8", null::"pg_catalog"."bool"))) as "r$12") as "unknown", (select coalesce(json_agg("r$14"), '[]')
    from (select "t$15"."name" as "name"
      from "public"."place" as "t$15"
      where ("t$15"."spot" operator("gis".=) "gis".st_geomfromgeojson($10::text)::"gis"."geography")) as "r$14") as "eq", (select coalesce(json_agg("r$16"), '[]')
    from (select "b$17"."name" as "name"
      from (select "t$18"."name", "t$18"."id" as "o$1"
        from "public"."place" as "t$18"
        where (not ("t$18"."spot" operator("gis".=) any(select "gis".st_geomfromgeojson("v$"::text)::"gis"."geography"
              from unnest($11::text[]) as "v$")))
        order by "t$18"."id" asc nulls last) as "b$17") as "r$16") as "nin") as "r$19"
