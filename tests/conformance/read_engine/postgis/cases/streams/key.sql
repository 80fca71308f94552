select (select row_to_json("r$6")
  from (select "s$3"."v$" as "pin_stream") as "r$6"), (select row_to_json("r$7")
  from (select "s$3"."k$" as "after", "s$3"."n$" as "rows", "s$3"."n$" >= least($1::"pg_catalog"."int8", $2::"pg_catalog"."int8") as "more") as "r$7")
from (select coalesce(json_agg("r$4"."v$"), '[]') as "v$", (array_agg("r$4"."k$"))[count(*)] as "k$", count(*) as "n$"
  from (select (select row_to_json("r$5")
      from (select "b$1"."shape_id" as "shape_id", "gis".st_asgeojson("b$1"."at", 15, 4)::"pg_catalog"."json" as "at") as "r$5") as "v$", json_build_array("b$1"."o$1"::text) as "k$"
    from (select "t$2"."shape_id", "t$2"."at", "t$2"."shape_id" as "o$1"
      from "public"."pin" as "t$2"
      where ("t$2"."shape_id" > $3::"pg_catalog"."int4")
      order by "t$2"."shape_id" asc nulls last fetch first (least($1::"pg_catalog"."int8", $2::"pg_catalog"."int8")) rows with ties) as "b$1"
    order by "b$1"."o$1" asc nulls last) as "r$4") as "s$3"
