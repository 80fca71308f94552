select row_to_json("r$34")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "t$2"."name" as "name"
      from "public"."shape" as "t$2"
      where ("t$2"."form" operator("gis".=) "gis".st_geomfromgeojson($1::text)::"gis"."geometry")) as "r$1") as "eq", (select coalesce(json_agg("r$3"), '[]')
    from (select "t$4"."name" as "name"
      from "public"."shape" as "t$4"
      where ("t$4"."form" operator("gis".=) "gis".st_geomfromgeojson($2::text)::"gis"."geometry")) as "r$3") as "eq_text", (select coalesce(json_agg("r$5"), '[]')
    from (select "b$6"."name" as "name"
      from (select "t$7"."name", "t$7"."id" as "o$1"
        from "public"."shape" as "t$7"
        where (not ("t$7"."form" operator("gis".=) "gis".st_geomfromgeojson($3::text)::"gis"."geometry"))
        order by "t$7"."id" asc nulls last) as "b$6") as "r$5") as "neq", (select coalesce(json_agg("r$8"), '[]')
    from (select "b$9"."name" as "name"
      from (select "t$10"."name", "t$10"."id" as "o$1"
        from "public"."shape" as "t$10"
        where ("t$10"."form" operator("gis".=) any(select "gis".st_geomfromgeojson("v$"::text)::"gis"."geometry"
            from unnest($4::text[]) as "v$"))
        order by "t$10"."id" asc nulls last) as "b$9") as "r$8") as "in", (select coalesce(json_agg("r$11"), '[]')
    from (select "t$12"."name" as "name"
      from "public"."shape" as "t$12"
      where ("t$12"."form" operator("gis".=) any(select "gis".st_geomfromgeojson("v$"::text)::"gis"."geometry"
          from unnest($5::text[]) as "v$"))) as "r$11") as "in_literal", (select coalesce(json_agg("r$13"), '[]')
    from (select "t$14"."name" as "name"
      from "public"."shape" as "t$14"
      where ("t$14"."form" operator("gis".=) any(select "gis".st_geomfromgeojson("v$"::text)::"gis"."geometry"
          from unnest($6::text[]) as "v$"))) as "r$13") as "in_nothing", (select coalesce(json_agg("r$15"), '[]')
    from (select "b$16"."name" as "name"
      from (select "t$17"."name", "t$17"."id" as "o$1"
        from "public"."shape" as "t$17"
        where (not ("t$17"."form" operator("gis".=) any(select "gis".st_geomfromgeojson("v$"::text)::"gis"."geometry"
              from unnest($7::text[]) as "v$")))
        order by "t$17"."id" asc nulls last) as "b$16") as "r$15") as "nin", (select coalesce(json_agg("r$18"), '[]')
    from (select "t$19"."name" as "name"
      from "public"."shape" as "t$19"
      where ("t$19"."form" is null)) as "r$18") as "none", (select coalesce(json_agg("r$20"), '[]')
    from (select "b$21"."name" as "name"
      from (select "t$22"."name", "t$22"."id" as "o$1"
        from "public"."shape" as "t$22"
        where (("t$22"."form" operator("gis".>) "gis".st_geomfromgeojson($8::text)::"gis"."geometry") and ("t$22"."form" operator("gis".>=) "gis".st_geomfromgeojson($9::text)::"gis"."geometry") and ("t$22"."form" operator("gis".<) "gis".st_geomfromgeojson($10::text)::"gis"."geometry") and ("t$22"."form" operator("gis".<=) "gis".st_geomfromgeojson($11::text)::"gis"."geometry"))
        order by "t$22"."id" asc nulls last) as "b$21") as "r$20") as "compared", (select coalesce(json_agg("r$23"), '[]')
    from (select "t$24"."name" as "name"
      from "public"."shape" as "t$24"
      where ("gis".st_dwithin("t$24"."claim", "gis".st_geomfromgeojson($12::text)::"gis"."geometry", $13::"pg_catalog"."float8"))) as "r$23") as "domain", (select coalesce(json_agg("r$25"), '[]')
    from (select "t$26"."name" as "name"
      from "public"."shape" as "t$26"
      where ("t$26"."corners" = array(select "gis".st_geomfromgeojson("v$"::text)::"gis"."geometry"
          from unnest($14::text[]) as "v$")::"gis"."_geometry")) as "r$25") as "corners", (select coalesce(json_agg("r$27"), '[]')
    from (select "b$28"."name" as "name"
      from (select "t$29"."name", "t$29"."id" as "o$1"
        from "public"."shape" as "t$29"
        where ("t$29"."corners" = any(select array(select "gis".st_geomfromgeojson("w$"::text)::"gis"."geometry"
              from unnest("v$"::text[]) as "w$")::"gis"."_geometry"
            from unnest($15::text[]) as "v$"))
        order by "t$29"."id" asc nulls last) as "b$28") as "r$27") as "corners_in", (select row_to_json("r$33")
    from (select (select row_to_json("r$32")
        from (select "f$31"."a$1" as "count"
          from (select count(*) as "a$1"
            from "public"."shape" as "t$30") as "f$31") as "r$32") as "aggregate") as "r$33") as "no_condition") as "r$34"
