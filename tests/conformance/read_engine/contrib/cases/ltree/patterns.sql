select row_to_json("r$12")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "b$2"."id" as "id"
      from (select "t$3"."id", "t$3"."id" as "o$1"
        from "public"."shelf" as "t$3"
        where ("t$3"."place" ~ $1::"extensions"."lquery")
        order by "t$3"."id" asc nulls last) as "b$2") as "r$1") as "matches", (select coalesce(json_agg("r$4"), '[]')
    from (select "b$5"."id" as "id"
      from (select "t$6"."id", "t$6"."id" as "o$1"
        from "public"."shelf" as "t$6"
        where ("t$6"."place" ? $2::"extensions"."lquery"[])
        order by "t$6"."id" asc nulls last) as "b$5") as "r$4") as "matches_any", (select coalesce(json_agg("r$7"), '[]')
    from (select "b$8"."id" as "id"
      from (select "t$9"."id", "t$9"."id" as "o$1"
        from "public"."shelf" as "t$9"
        where ("t$9"."place" @ $3::"extensions"."ltxtquery")
        order by "t$9"."id" asc nulls last) as "b$8") as "r$7") as "fulltext", (select coalesce(json_agg("r$10"), '[]')
    from (select "t$11"."id" as "id"
      from "public"."shelf" as "t$11"
      where (not ("t$11"."place" ~ $4::"extensions"."lquery"))) as "r$10") as "not") as "r$12"
