select (select json_object_agg("k$", "v$")
  from (values ('first'::text, to_json((select coalesce(json_agg("r$1"."v$"), '[]')
          from (select (select json_object_agg("k$", "v$")
              from (values ('a_name_that_is_one_letter_longer_than_the_sixty_three_postgres_keeps'::text, to_json("b$2"."name")), ('a_name_that_is_one_letter_longer_than_the_sixty_three_postgres_keeps_too'::text, to_json("b$2"."born")), ('joined_at'::text, to_json("b$2"."joined_at")), ('an_object_with_a_name_that_is_longer_than_what_postgres_keeps_of_one'::text, to_json("j$3"."v$")), ('a_list_with_a_name_that_is_longer_than_what_postgres_keeps_of_a_name_'::text, to_json((select coalesce(json_agg("r$6"."v$"), '[]')
                      from (select (select json_object_agg("k$", "v$")
                          from (values ('a_title_with_a_name_that_is_longer_than_what_postgres_keeps_of_a_name'::text, to_json("b$7"."title")), ('a_json_with_a_name_that_is_longer_than_what_postgres_keeps_of_a_name'::text, to_json("b$7"."meta")), ('a_typename_with_a_name_that_is_longer_than_what_postgres_keeps_of_it'::text, to_json('article'::text)), ('rating'::text, to_json("b$7"."rating"))) as "o$9" ("k$", "v$")) as "v$"
                        from (select "t$8"."title", "t$8"."meta", "t$8"."rating", "t$8"."title" as "o$1"
                          from "public"."article" as "t$8"
                          where "t$8"."author_id" = "b$2"."id"
                          order by "t$8"."title" asc nulls last) as "b$7") as "r$6"))), ('articles_aggregate'::text, to_json((select (select json_object_agg("k$", "v$")
                        from (values ('the_totals_with_a_name_that_is_longer_than_what_postgres_keeps_of_it'::text, to_json((select (select json_object_agg("k$", "v$")
                                  from (values ('the_count_with_a_name_that_is_longer_than_what_postgres_keeps_of_one'::text, to_json("f$11"."a$1")), ('max'::text, to_json((select row_to_json("r$12")
                                          from (select "f$11"."a$2" as "the_largest_with_a_name_that_is_longer_than_what_postgres_keeps") as "r$12")))) as "o$13" ("k$", "v$"))
                                from (select count(*) as "a$1", max("t$10"."rating") as "a$2"
                                  from "public"."article" as "t$10"
                                  where "t$10"."author_id" = "b$2"."id") as "f$11")))) as "o$14" ("k$", "v$")))))) as "o$17" ("k$", "v$")) as "v$"
            from (select *
              from (select "t$15"."name", "t$15"."born", "t$15"."joined_at", "t$15"."mentor_id", "t$15"."id", "t$15"."id" as "o$1"
                from "public"."author" as "t$15"
                order by "t$15"."id" asc nulls last limit 1) as "c$16"
              order by "c$16"."o$1" asc nulls last limit $1::"pg_catalog"."int8") as "b$2"
            left join lateral (select row_to_json("r$5")
              from (select "t$4"."id" as "id"
                from "public"."author" as "t$4"
                where "t$4"."id" = "b$2"."mentor_id") as "r$5") as "j$3" ("v$") on true
            order by "b$2"."o$1" asc nulls last) as "r$1"))), ('a_root_field_with_a_name_that_is_longer_than_what_postgres_keeps_of_one'::text, to_json((select row_to_json("r$19")
          from (select "t$18"."name" as "name"
            from "public"."author" as "t$18"
            where ("t$18"."id" = $2::"pg_catalog"."int4")) as "r$19")))) as "o$20" ("k$", "v$"))
