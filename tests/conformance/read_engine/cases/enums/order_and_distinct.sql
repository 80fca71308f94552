select row_to_json("r$9")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "b$2"."mood" as "mood"
      from (select distinct on ("t$3"."mood") "t$3"."mood", "t$3"."mood" as "o$1"
        from "public"."diary" as "t$3"
        order by "t$3"."mood" desc nulls first) as "b$2") as "r$1") as "diary", (select row_to_json("r$8")
    from (select (select row_to_json("r$7")
        from (select "f$5"."a$1" as "count", (select row_to_json("r$6")
            from (select "f$5"."a$2" as "id") as "r$6") as "max"
          from (select count(distinct "t$4"."mood") as "a$1", max("t$4"."id") as "a$2"
            from "public"."diary" as "t$4") as "f$5") as "r$7") as "aggregate") as "r$8") as "diary_aggregate") as "r$9"
