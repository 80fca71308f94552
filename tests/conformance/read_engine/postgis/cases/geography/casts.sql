select row_to_json("r$13")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "b$2"."name" as "name", "gis".st_asgeojson("b$2"."mapped", 15, 4)::"pg_catalog"."json" as "mapped"
      from (select "t$3"."name", "t$3"."mapped", "t$3"."id" as "o$1"
        from "public"."place" as "t$3"
        where ("gis".st_dwithin(("t$3"."mapped")::"gis"."geography", "gis".st_geomfromgeojson($1::text)::"gis"."geography", $2::"pg_catalog"."float8", $3::"pg_catalog"."bool"))
        order by "t$3"."id" asc nulls last) as "b$2") as "r$1") as "metres", (select coalesce(json_agg("r$4"), '[]')
    from (select "b$5"."name" as "name"
      from (select "t$6"."name", "t$6"."id" as "o$1"
        from "public"."place" as "t$6"
        where (("gis".st_dwithin(("t$6"."spot")::"gis"."geometry", "gis".st_geomfromgeojson($4::text)::"gis"."geometry", $5::"pg_catalog"."float8")) and (("t$6"."spot")::"gis"."geometry" is not null))
        order by "t$6"."id" asc nulls last) as "b$5") as "r$4") as "degrees", (select coalesce(json_agg("r$7"), '[]')
    from (select "t$8"."name" as "name"
      from "public"."place" as "t$8"
      where ("gis".st_intersects((("t$8"."spot")::"gis"."geometry")::"gis"."geography", "gis".st_geomfromgeojson($6::text)::"gis"."geography"))) as "r$7") as "there_and_back", (select row_to_json("r$12")
    from (select (select row_to_json("r$11")
        from (select "f$10"."a$1" as "count"
          from (select count(*) as "a$1"
            from "public"."place" as "t$9") as "f$10") as "r$11") as "aggregate") as "r$12") as "nothing") as "r$13"
