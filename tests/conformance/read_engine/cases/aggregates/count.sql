select row_to_json("r$5")
from (select (select row_to_json("r$4")
    from (select (select row_to_json("r$3")
        from (select "f$2"."a$1" as "count", "f$2"."a$2" as "some", "f$2"."a$3" as "distinct", "f$2"."a$4" as "several", "f$2"."a$5" as "ignored"
          from (select count(*) as "a$1", count("t$1"."country") as "a$2", count(distinct "t$1"."country") as "a$3", count(distinct ("t$1"."country", "t$1"."born")) as "a$4", count(*) as "a$5"
            from "public"."author" as "t$1") as "f$2") as "r$3") as "aggregate") as "r$4") as "author_aggregate") as "r$5"
