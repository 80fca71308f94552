select (select row_to_json("r$6")
  from (select "s$3"."v$" as "shape_stream") as "r$6"), (select row_to_json("r$7")
  from (select "s$3"."k$" as "after", "s$3"."n$" as "rows", "s$3"."n$" >= least($1::"pg_catalog"."int8", $2::"pg_catalog"."int8") as "more") as "r$7")
from (select coalesce(json_agg("r$4"."v$"), '[]') as "v$", (array_agg("r$4"."k$"))[count(*)] as "k$", count(*) as "n$"
  from (select (select row_to_json("r$5")
      from (select "b$1"."id" as "id", "gis".st_asgeojson("b$1"."form", 15, 4)::"pg_catalog"."json" as "form") as "r$5") as "v$", json_build_array("b$1"."o$1"::text) as "k$"
    from (select "t$2"."id", "t$2"."form", "t$2"."id" as "o$1"
      from "public"."shape" as "t$2"
      where (("gis".st_contains("t$2"."form", "gis".st_geomfromgeojson($3::text)::"gis"."geometry")) and (("t$2"."id") > ($4::"pg_catalog"."int4")))
      order by "t$2"."id" asc nulls last limit least($1::"pg_catalog"."int8", $2::"pg_catalog"."int8")) as "b$1"
    order by "b$1"."o$1" asc nulls last) as "r$4") as "s$3"
