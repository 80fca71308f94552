select (select row_to_json("r$6")
  from (select "s$3"."v$" as "author_stream") as "r$6"), (select row_to_json("r$7")
  from (select "s$3"."k$" as "after", "s$3"."n$" as "rows", "s$3"."n$" >= least($1::"pg_catalog"."int8", $2::"pg_catalog"."int8") as "more") as "r$7")
from (select coalesce(json_agg("r$4"."v$"), '[]') as "v$", (array_agg("r$4"."k$"))[count(*)] as "k$", count(*) as "n$"
  from (select (select row_to_json("r$5")
      from (select "b$1"."name" as "name") as "r$5") as "v$", json_build_array("b$1"."o$1"::text, "b$1"."o$2"::text) as "k$"
    from (select "t$2"."name", "t$2"."name" as "o$1", "t$2"."id" as "o$2"
      from "public"."author" as "t$2"
      where (exists (select 1
          from "public"."author_published"("t$2") as "t$2.1"
          where ("t$2.1"."rating" > $3::"pg_catalog"."numeric")) and (("t$2"."name", "t$2"."id") > ($4::"pg_catalog"."text", $5::"pg_catalog"."int4")))
      order by "t$2"."name" asc nulls last, "t$2"."id" asc nulls last limit least($1::"pg_catalog"."int8", $2::"pg_catalog"."int8")) as "b$1"
    order by "b$1"."o$1" asc nulls last, "b$1"."o$2" asc nulls last) as "r$4") as "s$3"
