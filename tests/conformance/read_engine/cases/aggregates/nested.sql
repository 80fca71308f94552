select row_to_json("r$19")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "b$2"."id" as "id", (select row_to_json("r$7")
        from (select (select row_to_json("r$6")
            from (select "f$4"."a$1" as "count", (select row_to_json("r$5")
                from (select "f$4"."a$2" as "rating") as "r$5") as "max"
              from (select count(*) as "a$1", max("t$3"."rating") as "a$2"
                from "public"."article" as "t$3"
                where "t$3"."author_id" = "b$2"."id" and ("t$3"."published" = $1::"pg_catalog"."bool")) as "f$4") as "r$6") as "aggregate") as "r$7") as "published", (select row_to_json("r$17")
        from (select (select coalesce(json_agg("r$8"), '[]')
            from (select "b$9"."title" as "title"
              from (select *
                from (select "t$10"."title", "t$10"."title" as "o$1"
                  from "public"."article" as "t$10"
                  where "t$10"."author_id" = "b$2"."id"
                  order by "t$10"."title" desc nulls first limit 1) as "c$11"
                order by "c$11"."o$1" desc nulls first limit $2::"pg_catalog"."int8") as "b$9") as "r$8") as "nodes", (select row_to_json("r$16")
            from (select "f$13"."a$1" as "count"
              from (select count(*) as "a$1"
                from (select *
                  from (select "t$14"."title" as "o$1"
                    from "public"."article" as "t$14"
                    where "t$14"."author_id" = "b$2"."id"
                    order by "t$14"."title" desc nulls first limit 1) as "c$15"
                  order by "c$15"."o$1" desc nulls first limit $2::"pg_catalog"."int8") as "b$12") as "f$13") as "r$16") as "aggregate") as "r$17") as "latest"
      from (select "t$18"."id", "t$18"."id" as "o$1"
        from "public"."author" as "t$18"
        where ("t$18"."id" <= $3::"pg_catalog"."int4")
        order by "t$18"."id" asc nulls last) as "b$2") as "r$1") as "author") as "r$19"
