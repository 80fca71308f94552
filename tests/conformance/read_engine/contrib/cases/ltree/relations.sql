select row_to_json("r$22")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "t$2"."id" as "id"
      from "public"."shelf" as "t$2"
      where ("t$2"."place" = $1::"extensions"."ltree")) as "r$1") as "equal", (select coalesce(json_agg("r$3"), '[]')
    from (select "b$4"."id" as "id", "b$4"."place" as "place"
      from (select "t$5"."id", "t$5"."place", "t$5"."id" as "o$1"
        from "public"."shelf" as "t$5"
        where ("t$5"."place" @> $2::"extensions"."ltree")
        order by "t$5"."id" asc nulls last) as "b$4") as "r$3") as "ancestor", (select coalesce(json_agg("r$6"), '[]')
    from (select "b$7"."id" as "id"
      from (select "t$8"."id", "t$8"."id" as "o$1"
        from "public"."shelf" as "t$8"
        where ("t$8"."place" @> $3::"extensions"."ltree"[])
        order by "t$8"."id" asc nulls last) as "b$7") as "r$6") as "ancestor_any", (select coalesce(json_agg("r$9"), '[]')
    from (select "b$10"."id" as "id"
      from (select "t$11"."id", "t$11"."id" as "o$1"
        from "public"."shelf" as "t$11"
        where ("t$11"."place" <@ $4::"extensions"."ltree")
        order by "t$11"."id" asc nulls last) as "b$10") as "r$9") as "descendant", (select coalesce(json_agg("r$12"), '[]')
    from (select "b$13"."id" as "id"
      from (select "t$14"."id", "t$14"."id" as "o$1"
        from "public"."shelf" as "t$14"
        where ("t$14"."place" <@ $5::"extensions"."ltree"[])
        order by "t$14"."id" asc nulls last) as "b$13") as "r$12") as "descendant_any", (select coalesce(json_agg("r$15"), '[]')
    from (select "b$16"."id" as "id"
      from (select "t$17"."id", "t$17"."id" as "o$1"
        from "public"."shelf" as "t$17"
        where ("t$17"."place" = any($6::"extensions"."ltree"[]))
        order by "t$17"."id" asc nulls last) as "b$16") as "r$15") as "in", (select coalesce(json_agg("r$18"), '[]')
    from (select "b$19"."place" as "place"
      from (select *
        from (select "t$20"."place", "t$20"."place" as "o$1"
          from "public"."shelf" as "t$20"
          order by "t$20"."place" desc nulls last limit 4) as "c$21"
        order by "c$21"."o$1" desc nulls last limit $7::"pg_catalog"."int8") as "b$19") as "r$18") as "sorted") as "r$22"
