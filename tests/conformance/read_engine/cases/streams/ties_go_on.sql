select (select row_to_json("r$6")
  from (select "s$3"."v$" as "article_stream") as "r$6"), (select row_to_json("r$7")
  from (select "s$3"."k$" as "after", "s$3"."n$" as "rows", "s$3"."n$" >= least($1::"pg_catalog"."int8", $2::"pg_catalog"."int8") as "more") as "r$7")
from (select coalesce(json_agg("r$4"."v$"), '[]') as "v$", (array_agg("r$4"."k$"))[count(*)] as "k$", count(*) as "n$"
  from (select (select row_to_json("r$5")
      from (select "b$1"."rating" as "rating", "b$1"."title" as "title") as "r$5") as "v$", json_build_array("b$1"."o$1"::text, "b$1"."o$2"::text) as "k$"
    from (select "t$2"."rating", "t$2"."title", "t$2"."rating" as "o$1", "t$2"."id" as "o$2"
      from "public"."article" as "t$2"
      where (("t$2"."rating", "t$2"."id") < ($3::"pg_catalog"."numeric", $4::"pg_catalog"."uuid"))
      order by "t$2"."rating" desc nulls first, "t$2"."id" desc nulls first limit least($1::"pg_catalog"."int8", $2::"pg_catalog"."int8")) as "b$1"
    order by "b$1"."o$1" desc nulls first, "b$1"."o$2" desc nulls first) as "r$4") as "s$3"
