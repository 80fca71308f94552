select (select row_to_json("r$9")
  from (select "s$6"."v$" as "article_stream") as "r$9"), (select row_to_json("r$10")
  from (select "s$6"."k$" as "after", "s$6"."n$" as "rows", "s$6"."n$" >= least($1::"pg_catalog"."int8", $2::"pg_catalog"."int8") as "more") as "r$10")
from (select coalesce(json_agg("r$7"."v$"), '[]') as "v$", (array_agg("r$7"."k$"))[count(*)] as "k$", count(*) as "n$"
  from (select (select row_to_json("r$8")
      from (select "b$1"."id" as "id", "b$1"."title" as "title", "j$2"."v$" as "author") as "r$8") as "v$", json_build_array("b$1"."o$1"::text) as "k$"
    from (select "t$5"."id", "t$5"."title", "t$5"."author_id", "t$5"."id" as "o$1"
      from "public"."article" as "t$5"
      where ("t$5"."id" > $3::"pg_catalog"."uuid")
      order by "t$5"."id" asc nulls last limit least($1::"pg_catalog"."int8", $2::"pg_catalog"."int8")) as "b$1"
    left join lateral (select row_to_json("r$4")
      from (select "t$3"."name" as "name"
        from "public"."author" as "t$3"
        where "t$3"."id" = "b$1"."author_id") as "r$4") as "j$2" ("v$") on true
    order by "b$1"."o$1" asc nulls last) as "r$7") as "s$6"
