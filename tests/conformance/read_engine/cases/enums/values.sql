select row_to_json("r$9")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "b$2"."id" as "id", "b$2"."mood" as "mood", "b$2"."later_mood" as "later_mood", "b$2"."weather" as "weather"
      from (select "t$3"."id", "t$3"."mood", "t$3"."later_mood", "t$3"."weather", "t$3"."id" as "o$1"
        from "public"."diary" as "t$3"
        order by "t$3"."id" asc nulls last) as "b$2") as "r$1") as "diary", (select coalesce(json_agg("r$4"), '[]')
    from (select "b$5"."value" as "value", "b$5"."comment" as "comment"
      from (select "t$6"."value", "t$6"."comment", "t$6"."value" as "o$1"
        from "public"."mood" as "t$6"
        order by "t$6"."value" asc nulls last) as "b$5") as "r$4") as "mood", (select coalesce(json_agg("r$7"), '[]')
    from (select "t$8"."name" as "name"
      from "public"."weather" as "t$8") as "r$7") as "sky") as "r$9"
