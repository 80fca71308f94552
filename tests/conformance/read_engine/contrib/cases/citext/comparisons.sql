select row_to_json("r$24")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "t$2"."label" as "label"
      from "public"."shelf" as "t$2"
      where ("t$2"."label" = $1::"public"."citext")) as "r$1") as "equal", (select coalesce(json_agg("r$3"), '[]')
    from (select "b$4"."label" as "label"
      from (select "t$5"."label", "t$5"."id" as "o$1"
        from "public"."shelf" as "t$5"
        where ("t$5"."label" = any($2::"public"."citext"[]))
        order by "t$5"."id" asc nulls last) as "b$4") as "r$3") as "in", (select coalesce(json_agg("r$6"), '[]')
    from (select "t$7"."label" as "label"
      from "public"."shelf" as "t$7"
      where ("t$7"."label" like $3::"public"."citext")) as "r$6") as "like", (select coalesce(json_agg("r$8"), '[]')
    from (select "b$9"."label" as "label"
      from (select "t$10"."label", "t$10"."id" as "o$1"
        from "public"."shelf" as "t$10"
        where ("t$10"."label" not like $4::"public"."citext")
        order by "t$10"."id" asc nulls last) as "b$9") as "r$8") as "not_like", (select coalesce(json_agg("r$11"), '[]')
    from (select "t$12"."label" as "label"
      from "public"."shelf" as "t$12"
      where ("t$12"."label" ~ $5::"public"."citext")) as "r$11") as "regex", (select coalesce(json_agg("r$13"), '[]')
    from (select "b$14"."label" as "label"
      from (select "t$15"."label", "t$15"."id" as "o$1"
        from "public"."shelf" as "t$15"
        where ("t$15"."label" similar to $6::"public"."citext")
        order by "t$15"."id" asc nulls last) as "b$14") as "r$13") as "similar", (select coalesce(json_agg("r$16"), '[]')
    from (select "b$17"."label" as "label"
      from (select "t$18"."label", "t$18"."label" as "o$1"
        from "public"."shelf" as "t$18"
        where ("t$18"."label" > $7::"public"."citext")
        order by "t$18"."label" asc nulls last) as "b$17") as "r$16") as "greater", (select row_to_json("r$23")
    from (select (select row_to_json("r$22")
        from (select (select row_to_json("r$21")
            from (select "f$20"."a$1" as "label") as "r$21") as "max"
          from (select max("t$19"."label") as "a$1"
            from "public"."shelf" as "t$19") as "f$20") as "r$22") as "aggregate") as "r$23") as "max") as "r$24"
