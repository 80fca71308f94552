select (select row_to_json("r$9")
  from (select "s$6"."v$" as "article_stream") as "r$9"), (select row_to_json("r$10")
  from (select "s$6"."k$" as "after", "s$6"."n$" as "rows", "s$6"."n$" >= least($1::"pg_catalog"."int8", $2::"pg_catalog"."int8") as "more") as "r$10")
from (select coalesce(json_agg("r$7"."v$"), '[]') as "v$", (array_agg("r$7"."k$"))[count(*)] as "k$", count(*) as "n$"
  from (select (select row_to_json("r$8")
      from (select "b$1"."title" as "title", "b$1"."published_at" as "published_at", (select coalesce(json_agg("r$2"), '[]')
          from (select "b$3"."tag_id" as "tag_id"
            from (select "t$4"."tag_id", "t$4"."tag_id" as "o$1"
              from "public"."article_tag" as "t$4"
              where "t$4"."article_id" = "b$1"."id"
              order by "t$4"."tag_id" asc nulls last) as "b$3") as "r$2") as "tags") as "r$8") as "v$", json_build_array("b$1"."o$1"::text, "b$1"."o$2"::text) as "k$"
    from (select "t$5"."title", "t$5"."published_at", "t$5"."id", "t$5"."published_at" as "o$1", "t$5"."id" as "o$2"
      from "public"."article" as "t$5"
      where (("t$5"."published" = $3::"pg_catalog"."bool") and (("t$5"."published_at", "t$5"."id") > ($4::"pg_catalog"."timestamptz", $5::"pg_catalog"."uuid")))
      order by "t$5"."published_at" asc nulls last, "t$5"."id" asc nulls last limit least($1::"pg_catalog"."int8", $2::"pg_catalog"."int8")) as "b$1"
    order by "b$1"."o$1" asc nulls last, "b$1"."o$2" asc nulls last) as "r$7") as "s$6"
