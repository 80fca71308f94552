select row_to_json("r$18")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "b$2"."author_id" as "author_id", "b$2"."published" as "published", "b$2"."title" as "title"
      from (select distinct on ("t$3"."published", "t$3"."author_id") "t$3"."author_id", "t$3"."published", "t$3"."title", "t$3"."author_id" as "o$1", "t$3"."published" as "o$2", "t$3"."title" as "o$3"
        from "public"."article" as "t$3"
        order by "t$3"."author_id" asc nulls last, "t$3"."published" desc nulls first, "t$3"."title" asc nulls last) as "b$2") as "r$1") as "set", (select row_to_json("r$8")
    from (select (select row_to_json("r$7")
        from (select "f$5"."a$1" as "count"
          from (select count(*) as "a$1"
            from (select distinct on ("t$6"."country") "t$6"."country"
              from "public"."author" as "t$6") as "b$4") as "f$5") as "r$7") as "aggregate") as "r$8") as "unsorted", (select coalesce(json_agg("r$9"), '[]')
    from (select "b$10"."author_id" as "author_id", "b$10"."title" as "title"
      from (select *
        from (select distinct on ("t$11"."author_id") "t$11"."author_id", "t$11"."title", "t$11"."author_id" as "o$1", "t$11"."rating" as "o$2"
          from "public"."article" as "t$11"
          order by "t$11"."author_id" desc nulls first, "t$11"."rating" desc nulls last limit 5) as "c$12"
        order by "c$12"."o$1" desc nulls first, "c$12"."o$2" desc nulls last limit $1::"pg_catalog"."int8" offset $2::"pg_catalog"."int8") as "b$10") as "r$9") as "paged", (select coalesce(json_agg("r$13"), '[]')
    from (select (select coalesce(json_agg("r$15"), '[]')
        from (select "b$16"."published" as "published"
          from (select distinct on ("t$17"."published") "t$17"."published", "t$17"."published" as "o$1"
            from "public"."article" as "t$17"
            where "t$17"."author_id" = "t$14"."id"
            order by "t$17"."published" asc nulls last) as "b$16") as "r$15") as "articles"
      from "public"."author" as "t$14"
      where ("t$14"."id" = $3::"pg_catalog"."int4")) as "r$13") as "nested") as "r$18"
