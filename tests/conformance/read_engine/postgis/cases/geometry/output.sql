select (select json_object_agg("k$", "v$")
  from (values ('shape'::text, to_json((select coalesce(json_agg("r$1"), '[]')
          from (select "gis".st_asgeojson("b$2"."form", 15, 4)::"pg_catalog"."json" as "form", "gis".st_asgeojson("b$2"."form", 15, 4)::"pg_catalog"."json" as "also", "gis".st_asgeojson("b$2"."claim", 15, 4)::"pg_catalog"."json" as "claim", "b$2"."corners" as "corners", "gis".st_asgeojson("public"."middle"("b$2"."row$"), 15, 4)::"pg_catalog"."json" as "middle"
            from (select "t$3"."form", "t$3"."claim", "t$3"."corners", "t$3" as "row$", "t$3"."id" as "o$1"
              from "public"."shape" as "t$3"
              order by "t$3"."id" asc nulls last) as "b$2") as "r$1"))), ('pin'::text, to_json((select coalesce(json_agg("r$4"), '[]')
          from (select "gis".st_asgeojson("b$5"."at", 15, 4)::"pg_catalog"."json" as "at"
            from (select "t$6"."at", "t$6"."shape_id" as "o$1"
              from "public"."pin" as "t$6"
              order by "t$6"."shape_id" asc nulls last) as "b$5") as "r$4"))), ('a_name_that_is_longer_than_postgresql_lets_a_column_be_so_it_is_spelled_out'::text, to_json((select coalesce(json_agg("r$7"), '[]')
          from (select "gis".st_asgeojson("b$8"."form", 15, 4)::"pg_catalog"."json" as "form"
            from (select *
              from (select "t$9"."form", "t$9"."id" as "o$1"
                from "public"."shape" as "t$9"
                order by "t$9"."id" asc nulls last limit 1) as "c$10"
              order by "c$10"."o$1" asc nulls last limit $1::"pg_catalog"."int8") as "b$8") as "r$7")))) as "o$11" ("k$", "v$"))
