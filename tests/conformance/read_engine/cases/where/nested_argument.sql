select row_to_json("r$6")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "b$2"."id" as "id", (select coalesce(json_agg("r$3"), '[]')
        from (select "t$4"."title" as "title"
          from "public"."article" as "t$4"
          where "t$4"."author_id" = "b$2"."id" and (("t$4"."published" = $1::"pg_catalog"."bool") and exists (select 1
              from "public"."author" as "t$4.1"
              where "t$4.1"."id" = "t$4"."editor_id" and ("t$4.1"."id" < $2::"pg_catalog"."int4")))) as "r$3") as "articles"
      from (select "t$5"."id", "t$5"."id" as "o$1"
        from "public"."author" as "t$5"
        order by "t$5"."id" asc nulls last) as "b$2") as "r$1") as "author") as "r$6"
