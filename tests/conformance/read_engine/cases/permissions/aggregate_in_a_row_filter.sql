select row_to_json("r$6")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "b$2"."id" as "id", "b$2"."name" as "name"
      from (select "t$3"."id", "t$3"."name", "t$3"."id" as "o$1"
        from "public"."author" as "t$3"
        where ((select count(*)
            from "public"."article" as "t$3.1"
            where "t$3.1"."author_id" = "t$3"."id" and (("t$3.1"."published" = $1::"pg_catalog"."bool") or ("t$3.1"."editor_id" = "t$3"."mentor_id"))) >= $2::"pg_catalog"."int4")
        order by "t$3"."id" asc nulls last) as "b$2") as "r$1") as "author", (select row_to_json("r$5")
    from (select "t$4"."name" as "name"
      from "public"."author" as "t$4"
      where (((select count(*)
            from "public"."article" as "t$4.1"
            where "t$4.1"."author_id" = "t$4"."id" and (("t$4.1"."published" = $1::"pg_catalog"."bool") or ("t$4.1"."editor_id" = "t$4"."mentor_id"))) >= $2::"pg_catalog"."int4") and ("t$4"."id" = $3::"pg_catalog"."int4"))) as "r$5") as "author_by_pk") as "r$6"
