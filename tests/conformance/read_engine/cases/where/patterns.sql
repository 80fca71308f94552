select row_to_json("r$22")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "t$2"."title" as "title"
      from "public"."article" as "t$2"
      where ("t$2"."title" like $1::"pg_catalog"."text")) as "r$1") as "like", (select coalesce(json_agg("r$3"), '[]')
    from (select "b$4"."title" as "title"
      from (select "t$5"."title", "t$5"."title" as "o$1"
        from "public"."article" as "t$5"
        where ("t$5"."title" not like $2::"pg_catalog"."text")
        order by "t$5"."title" asc nulls last) as "b$4") as "r$3") as "nlike", (select coalesce(json_agg("r$6"), '[]')
    from (select "t$7"."title" as "title"
      from "public"."article" as "t$7"
      where ("t$7"."title" ilike $3::"pg_catalog"."text")) as "r$6") as "ilike", (select coalesce(json_agg("r$8"), '[]')
    from (select "b$9"."title" as "title"
      from (select "t$10"."title", "t$10"."title" as "o$1"
        from "public"."article" as "t$10"
        where ("t$10"."title" not ilike $4::"pg_catalog"."text")
        order by "t$10"."title" asc nulls last) as "b$9") as "r$8") as "nilike", (select coalesce(json_agg("r$11"), '[]')
    from (select "b$12"."title" as "title"
      from (select "t$13"."title", "t$13"."title" as "o$1"
        from "public"."article" as "t$13"
        where ("t$13"."title" similar to $5::"pg_catalog"."text")
        order by "t$13"."title" asc nulls last) as "b$12") as "r$11") as "similar", (select coalesce(json_agg("r$14"), '[]')
    from (select "b$15"."title" as "title"
      from (select "t$16"."title", "t$16"."title" as "o$1"
        from "public"."article" as "t$16"
        where ("t$16"."title" ~ $6::"pg_catalog"."text")
        order by "t$16"."title" asc nulls last) as "b$15") as "r$14") as "regex", (select coalesce(json_agg("r$17"), '[]')
    from (select "t$18"."title" as "title"
      from "public"."article" as "t$18"
      where ("t$18"."title" ~* $7::"pg_catalog"."text")) as "r$17") as "iregex", (select coalesce(json_agg("r$19"), '[]')
    from (select "b$20"."title" as "title"
      from (select "t$21"."title", "t$21"."title" as "o$1"
        from "public"."article" as "t$21"
        where ("t$21"."title" !~ $8::"pg_catalog"."text")
        order by "t$21"."title" asc nulls last) as "b$20") as "r$19") as "nregex") as "r$22"
