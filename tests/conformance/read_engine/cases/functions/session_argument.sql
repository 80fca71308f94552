select row_to_json("r$7")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "b$2"."title" as "title"
      from (select "t$3"."title", "t$3"."title" as "o$1"
        from "public"."articles_of_reader"($1::"pg_catalog"."json") as "t$3"
        where (("t$3"."author_id" = $2::"pg_catalog"."int4") or exists (select 1
            from "public"."author" as "t$3.1"
            where "t$3.1"."id" = "t$3"."author_id" and ("t$3.1"."mentor_id" = $2::"pg_catalog"."int4")))
        order by "t$3"."title" asc nulls last) as "b$2") as "r$1") as "own_articles", (select coalesce(json_agg("r$4"), '[]')
    from (select "b$5"."title" as "title"
      from (select "t$6"."title", "t$6"."title" as "o$1"
        from "public"."articles_of_reader"($1::"pg_catalog"."json", $3::"pg_catalog"."bool") as "t$6"
        where (("t$6"."author_id" = $2::"pg_catalog"."int4") or exists (select 1
            from "public"."author" as "t$6.1"
            where "t$6.1"."id" = "t$6"."author_id" and ("t$6.1"."mentor_id" = $2::"pg_catalog"."int4")))
        order by "t$6"."title" asc nulls last) as "b$5") as "r$4") as "all") as "r$7"
