select row_to_json("r$26")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "b$2"."title" as "title", "b$2"."labels" as "labels"
      from (select "t$3"."title", "t$3"."labels", "t$3"."title" as "o$1"
        from "public"."article" as "t$3"
        where ("t$3"."labels" = any(select "v$"::"pg_catalog"."_text"
            from unnest($1::text[]) as "v$"))
        order by "t$3"."title" asc nulls last) as "b$2") as "r$1") as "literal", (select coalesce(json_agg("r$4"), '[]')
    from (select "b$5"."title" as "title"
      from (select "t$6"."title", "t$6"."title" as "o$1"
        from "public"."article" as "t$6"
        where ("t$6"."labels" = any(select "v$"::"pg_catalog"."_text"
            from unnest($2::text[]) as "v$"))
        order by "t$6"."title" asc nulls last) as "b$5") as "r$4") as "variable", (select coalesce(json_agg("r$7"), '[]')
    from (select "b$8"."title" as "title"
      from (select "t$9"."title", "t$9"."title" as "o$1"
        from "public"."article" as "t$9"
        where ("t$9"."labels" = any(select "v$"::"pg_catalog"."_text"
            from unnest($3::text[]) as "v$"))
        order by "t$9"."title" asc nulls last) as "b$8") as "r$7") as "mixed", (select coalesce(json_agg("r$10"), '[]')
    from (select "b$11"."title" as "title"
      from (select "t$12"."title", "t$12"."title" as "o$1"
        from "public"."article" as "t$12"
        where (not ("t$12"."labels" = any(select "v$"::"pg_catalog"."_text"
              from unnest($4::text[]) as "v$")))
        order by "t$12"."title" asc nulls last) as "b$11") as "r$10") as "not_in", (select coalesce(json_agg("r$13"), '[]')
    from (select "t$14"."title" as "title"
      from "public"."article" as "t$14"
      where ("t$14"."labels" = any(select "v$"::"pg_catalog"."_text"
          from unnest($5::text[]) as "v$"))) as "r$13") as "none", (select row_to_json("r$18")
    from (select (select row_to_json("r$17")
        from (select "f$16"."a$1" as "count"
          from (select count(*) as "a$1"
            from "public"."article" as "t$15"
            where (not ("t$15"."labels" = any(select "v$"::"pg_catalog"."_text"
                  from unnest($6::text[]) as "v$")))) as "f$16") as "r$17") as "aggregate") as "r$18") as "all", (select coalesce(json_agg("r$19"), '[]')
    from (select "b$20"."title" as "title", "b$20"."labels" as "labels"
      from (select "t$21"."title", "t$21"."labels", "t$21"."title" as "o$1"
        from "public"."article" as "t$21"
        where (("t$21"."labels" > $7::"pg_catalog"."_text") and ("t$21"."labels" <= $8::"pg_catalog"."_text"))
        order by "t$21"."title" asc nulls last) as "b$20") as "r$19") as "compared", (select row_to_json("r$25")
    from (select (select row_to_json("r$24")
        from (select "f$23"."a$1" as "count"
          from (select count(*) as "a$1"
            from "public"."article" as "t$22"
            where (("t$22"."labels" is not null) and ("t$22"."labels" <> $9::"pg_catalog"."_text"))) as "f$23") as "r$24") as "aggregate") as "r$25") as "not_null") as "r$26"
