select row_to_json("r$13")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "public"."author_label"("b$2"."row$") as "label", "public"."author_output"("b$2"."row$") as "output", "public"."author_is_caller"("b$2"."row$", $1::"pg_catalog"."json") as "is_caller", (select coalesce(json_agg("r$3"), '[]')
        from (select "public"."article_facts"("b$4"."row$") as "facts", "public"."article_facts"("b$4"."row$") #> $2::"pg_catalog"."_text" as "tags"
          from (select *
            from (select "t$5" as "row$", "t$5"."title" as "o$1"
              from "public"."article" as "t$5"
              where "t$5"."author_id" = "b$2"."id"
              order by "t$5"."title" asc nulls last limit 1) as "c$6"
            order by "c$6"."o$1" asc nulls last limit $3::"pg_catalog"."int8") as "b$4") as "r$3") as "facts"
      from (select "t$7" as "row$", "t$7"."id", "t$7"."id" as "o$1"
        from "public"."author" as "t$7"
        order by "t$7"."id" asc nulls last) as "b$2") as "r$1") as "author", (select row_to_json("r$12")
    from (select "public"."author_label"("t$8") as "label", "j$9"."v$" as "mentor"
      from "public"."author" as "t$8"
      left join lateral (select row_to_json("r$11")
        from (select "public"."author_label"("t$10") as "label"
          from "public"."author" as "t$10"
          where "t$10"."id" = "t$8"."mentor_id") as "r$11") as "j$9" ("v$") on true
      where ("t$8"."id" = $4::"pg_catalog"."int4")) as "r$12") as "author_by_pk") as "r$13"
