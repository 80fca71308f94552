select row_to_json("r$20")
from (select (select row_to_json("r$5")
    from (select "gis".st_asgeojson("t$1"."at", 15, 4)::"pg_catalog"."json" as "at", "j$2"."v$" as "shape"
      from "public"."pin" as "t$1"
      left join lateral (select row_to_json("r$4")
        from (select "t$3"."name" as "name"
          from "public"."shape" as "t$3"
          where "t$3"."id" = "t$1"."shape_id") as "r$4") as "j$2" ("v$") on true
      where ("t$1"."at" operator("gis".=) "gis".st_geomfromgeojson($1::text)::"gis"."geometry")) as "r$5") as "pin_by_pk", (select coalesce(json_agg("r$6"), '[]')
    from (select "b$7"."name" as "name", (select coalesce(json_agg("r$8"), '[]')
        from (select "gis".st_asgeojson("b$9"."at", 15, 4)::"pg_catalog"."json" as "at"
          from (select "t$10"."at", "t$10"."at" as "o$1"
            from "public"."pin" as "t$10"
            where "t$10"."shape_id" = "b$7"."id"
            order by "t$10"."at" desc nulls first) as "b$9") as "r$8") as "pins"
      from (select distinct on ("t$11"."form") "t$11"."name", "t$11"."id", "t$11"."form", "t$11"."form" as "o$1"
        from "public"."shape" as "t$11"
        where exists (select 1
          from "public"."pin" as "t$11.1"
          where "t$11.1"."shape_id" = "t$11"."id" and ("t$11.1"."at" is not null))
        order by "t$11"."form" asc nulls last) as "b$7") as "r$6") as "shape", (select coalesce(json_agg("r$12"), '[]')
    from (select "b$13"."name" as "name"
      from (select "t$14"."name", "t$14"."form" as "o$1", "t$14"."id" as "o$2"
        from "public"."shape" as "t$14"
        order by "t$14"."form" desc nulls last, "t$14"."id" asc nulls last) as "b$13") as "r$12") as "sorted", (select row_to_json("r$19")
    from (select (select row_to_json("r$18")
        from (select "f$16"."a$1" as "count", (select row_to_json("r$17")
            from (select "f$16"."a$2" as "id", "f$16"."a$3" as "name") as "r$17") as "max"
          from (select count(distinct "t$15"."form") as "a$1", max("t$15"."id") as "a$2", max("t$15"."name") as "a$3"
            from "public"."shape" as "t$15") as "f$16") as "r$18") as "aggregate") as "r$19") as "shape_aggregate") as "r$20"
