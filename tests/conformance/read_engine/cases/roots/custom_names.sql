select row_to_json("r$18")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select 'label'::text as "__typename", "b$2"."label" as "text", (select coalesce(json_agg("r$3"), '[]')
        from (select "j$5"."v$" as "article"
          from "public"."article_tag" as "t$4"
          left join lateral (select row_to_json("r$7")
            from (select "t$6"."title" as "title"
              from "public"."article" as "t$6"
              where "t$6"."id" = "t$4"."article_id") as "r$7") as "j$5" ("v$") on true
          where "t$4"."tag_id" = "b$2"."id") as "r$3") as "tagged"
      from (select "t$8"."label", "t$8"."id", "t$8"."label" as "o$1"
        from "public"."tag" as "t$8"
        where ("t$8"."label" = $1::"pg_catalog"."text")
        order by "t$8"."label" desc nulls first) as "b$2") as "r$1") as "labels", (select row_to_json("r$10")
    from (select "t$9"."label" as "text"
      from "public"."tag" as "t$9"
      where ("t$9"."id" = $2::"pg_catalog"."int4")) as "r$10") as "one_label", (select coalesce(json_agg("r$11"), '[]')
    from (select "t$12"."id" as "id", "t$12"."strange column" as "strange", "t$12"."select" as "select"
      from "public"."Odd ""table""" as "t$12") as "r$11") as "odd", (select row_to_json("r$17")
    from (select (select row_to_json("r$16")
        from (select "f$14"."a$1" as "count", (select row_to_json("r$15")
            from (select "f$14"."a$2" as "text") as "r$15") as "max"
          from (select count(*) as "a$1", max("t$13"."label") as "a$2"
            from "public"."tag" as "t$13") as "f$14") as "r$16") as "aggregate") as "r$17") as "label_aggregate") as "r$18"
