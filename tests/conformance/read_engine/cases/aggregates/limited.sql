select row_to_json("r$12")
from (select (select row_to_json("r$6")
    from (select (select row_to_json("r$5")
        from (select "f$2"."a$1" as "count", (select row_to_json("r$3")
            from (select "f$2"."a$2" as "title") as "r$3") as "max"
          from (select count(*) as "a$1", max("t$1"."title") as "a$2"
            from (select "t$4"."title", "t$4"."title" as "o$1"
              from "public"."article" as "t$4"
              order by "t$4"."title" asc nulls last limit $1::"pg_catalog"."int8" offset $2::"pg_catalog"."int8") as "t$1") as "f$2") as "r$5") as "aggregate") as "r$6") as "limited", (select row_to_json("r$11")
    from (select (select row_to_json("r$10")
        from (select "f$8"."a$1" as "count"
          from (select count(*) as "a$1"
            from (select distinct on ("t$9"."country") "t$9"."country"
              from "public"."author" as "t$9") as "t$7") as "f$8") as "r$10") as "aggregate") as "r$11") as "distinct") as "r$12"
