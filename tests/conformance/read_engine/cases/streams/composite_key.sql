select (select row_to_json("r$6")
  from (select "s$3"."v$" as "archive_edition_stream") as "r$6"), (select row_to_json("r$7")
  from (select "s$3"."k$" as "after", "s$3"."n$" as "rows", "s$3"."n$" >= least($1::"pg_catalog"."int8", $2::"pg_catalog"."int8") as "more") as "r$7")
from (select coalesce(json_agg("r$4"."v$"), '[]') as "v$", (array_agg("r$4"."k$"))[count(*)] as "k$", count(*) as "n$"
  from (select (select row_to_json("r$5")
      from (select "b$1"."article_id" as "article_id", "b$1"."number" as "number") as "r$5") as "v$", json_build_array("b$1"."o$1"::text, "b$1"."o$2"::text) as "k$"
    from (select "t$2"."article_id", "t$2"."number", "t$2"."number" as "o$1", "t$2"."article_id" as "o$2"
      from "archive"."edition" as "t$2"
      where (("t$2"."number", "t$2"."article_id") > ($3::"pg_catalog"."int2", $4::"pg_catalog"."uuid"))
      order by "t$2"."number" asc nulls last, "t$2"."article_id" asc nulls last limit least($1::"pg_catalog"."int8", $2::"pg_catalog"."int8")) as "b$1"
    order by "b$1"."o$1" asc nulls last, "b$1"."o$2" asc nulls last) as "r$4") as "s$3"
