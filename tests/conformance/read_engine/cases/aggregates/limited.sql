select row_to_json("r$13")
from (select (select row_to_json("r$7")
    from (select (select row_to_json("r$6")
        from (select "f$2"."a$1" as "count", (select row_to_json("r$3")
            from (select "f$2"."a$2" as "title") as "r$3") as "max"
          from (select count(*) as "a$1", max("b$1"."title") as "a$2"
            from (select *
              from (select "t$4"."title", "t$4"."title" as "o$1"
                from "public"."article" as "t$4"
                order by "t$4"."title" asc nulls last limit 5) as "c$5"
              order by "c$5"."o$1" asc nulls last limit $1::"pg_catalog"."int8" offset $2::"pg_catalog"."int8") as "b$1") as "f$2") as "r$6") as "aggregate") as "r$7") as "limited", (select row_to_json("r$12")
    from (select (select row_to_json("r$11")
        from (select "f$9"."a$1" as "count"
          from (select count(*) as "a$1"
            from (select distinct on ("t$10"."country") "t$10"."country"
              from "public"."author" as "t$10") as "b$8") as "f$9") as "r$11") as "aggregate") as "r$12") as "distinct") as "r$13"
