select row_to_json("r$6")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "t$2"."id" as "id"
      from "public"."author" as "t$2"
      where ("t$2"."country" is null)) as "r$1") as "null", (select coalesce(json_agg("r$3"), '[]')
    from (select "b$4"."id" as "id"
      from (select "t$5"."id", "t$5"."id" as "o$1"
        from "public"."author" as "t$5"
        where ("t$5"."country" is not null)
        order by "t$5"."id" asc nulls last) as "b$4") as "r$3") as "given") as "r$6"
