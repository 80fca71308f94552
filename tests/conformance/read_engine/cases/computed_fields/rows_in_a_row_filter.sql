select row_to_json("r$4")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "b$2"."name" as "name"
      from (select "t$3"."name", "t$3"."name" as "o$1"
        from "public"."author" as "t$3"
        where exists (select 1
          from "public"."author_published"("t$3") as "t$3.1"
          where ("t$3.1"."rating" > $1::"pg_catalog"."numeric"))
        order by "t$3"."name" asc nulls last) as "b$2") as "r$1") as "author") as "r$4"
