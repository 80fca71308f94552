select row_to_json("r$25")
from (select 'query_root'::text as "__typename", (select row_to_json("r$24")
    from (select 'T_shelf_query_S'::text as "__typename", (select coalesce(json_agg("r$1"), '[]')
        from (select 'T_author_S'::text as "__typename", "t$2"."name" as "name", "t$2"."country" as "country", (select row_to_json("r$9")
            from (select 'T_article_aggregate_S'::text as "__typename", (select row_to_json("r$8")
                from (select 'T_article_aggregate_fields_S'::text as "__typename", "f$4"."a$1" as "count", (select row_to_json("r$5")
                    from (select 'T_article_max_fields_S'::text as "__typename", "f$4"."a$2" as "rating") as "r$5") as "max"
                  from (select count(*) as "a$1", max("b$3"."rating") as "a$2"
                    from (select *
                      from (select "t$6"."rating"
                        from "public"."article" as "t$6"
                        where "t$6"."author_id" = "t$2"."id" limit 1) as "c$7" limit $1::"pg_catalog"."int8") as "b$3") as "f$4") as "r$8") as "aggregate") as "r$9") as "articles_aggregate"
          from "public"."author" as "t$2"
          where ("t$2"."name" = $2::"pg_catalog"."text")) as "r$1") as "a_author_z", (select coalesce(json_agg("r$10"), '[]')
        from (select "b$11"."id" as "id"
          from (select "t$12"."id", "t$12"."id" as "o$1"
            from "public"."author" as "t$12"
            where ("t$12"."name" <> $3::"pg_catalog"."text")
            order by "t$12"."id" desc nulls first limit $4::"pg_catalog"."int8") as "b$11") as "r$10") as "last", (select row_to_json("r$14")
        from (select "t$13"."name" as "name"
          from "public"."author" as "t$13"
          where ("t$13"."id" = $5::"pg_catalog"."int4")) as "r$14") as "a_author_by_pk_z", (select row_to_json("r$18")
        from (select (select row_to_json("r$17")
            from (select "f$16"."a$1" as "count"
              from (select count("t$15"."id") as "a$1"
                from "public"."author" as "t$15") as "f$16") as "r$17") as "aggregate") as "r$18") as "a_author_aggregate_z", (select coalesce(json_agg("r$19"), '[]')
        from (select 'T_label_S'::text as "__typename", "b$20"."label" as "text"
          from (select "t$21"."label", "t$21"."id" as "o$1"
            from "public"."tag" as "t$21"
            order by "t$21"."id" asc nulls last) as "b$20") as "r$19") as "a_labels_z", (select coalesce(json_agg("r$22"), '[]')
        from (select "t$23"."title" as "title"
          from "public"."search_articles"($6::"pg_catalog"."text") as "t$23") as "r$22") as "a_search_articles_z") as "r$24") as "books") as "r$25"
