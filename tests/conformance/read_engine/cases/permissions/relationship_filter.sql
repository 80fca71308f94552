select row_to_json("r$19")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "t$2"."name" as "name", (select coalesce(json_agg("r$3"), '[]')
        from (select "t$4"."title" as "title", (select coalesce(json_agg("r$5"), '[]')
            from (select "t$6"."number" as "number"
              from "archive"."edition" as "t$6"
              where "t$6"."article_id" = "t$4"."id" and ("t$6"."tenant" = $1::"pg_catalog"."text")) as "r$5") as "editions", (select row_to_json("r$10")
            from (select (select row_to_json("r$9")
                from (select "f$8"."a$1" as "count"
                  from (select count(*) as "a$1"
                    from "archive"."edition" as "t$7"
                    where "t$7"."article_id" = "t$4"."id" and ("t$7"."tenant" = $1::"pg_catalog"."text")) as "f$8") as "r$9") as "aggregate") as "r$10") as "editions_aggregate"
          from "public"."article" as "t$4"
          where "t$4"."author_id" = "t$2"."id" and exists (select 1
            from "archive"."edition" as "t$4.1"
            where "t$4.1"."article_id" = "t$4"."id" and ("t$4.1"."tenant" = $1::"pg_catalog"."text"))) as "r$3") as "articles"
      from "public"."author" as "t$2"
      where exists (select 1
        from "public"."article" as "t$2.1"
        where "t$2.1"."author_id" = "t$2"."id" and exists (select 1
          from "archive"."edition" as "t$2.2"
          where "t$2.2"."article_id" = "t$2.1"."id" and ("t$2.2"."tenant" = $1::"pg_catalog"."text")))) as "r$1") as "author", (select coalesce(json_agg("r$11"), '[]')
    from (select "t$12"."title" as "title"
      from "public"."article" as "t$12"
      where (exists (select 1
          from "archive"."edition" as "t$12.1"
          where "t$12.1"."article_id" = "t$12"."id" and ("t$12.1"."tenant" = $1::"pg_catalog"."text")) and exists (select 1
          from "archive"."edition" as "t$12.1"
          where "t$12.1"."article_id" = "t$12"."id" and (("t$12.1"."tenant" = $1::"pg_catalog"."text") and ("t$12.1"."number" > $2::"pg_catalog"."int2"))))) as "r$11") as "article", (select coalesce(json_agg("r$13"), '[]')
    from (select "t$14"."title" as "title"
      from "public"."article" as "t$14"
      where (exists (select 1
          from "archive"."edition" as "t$14.1"
          where "t$14.1"."article_id" = "t$14"."id" and ("t$14.1"."tenant" = $1::"pg_catalog"."text")) and exists (select 1
          from "archive"."edition" as "t$14.1"
          where "t$14.1"."article_id" = "t$14"."id" and (("t$14.1"."tenant" = $1::"pg_catalog"."text") and ("t$14.1"."number" = $3::"pg_catalog"."int2"))))) as "r$13") as "by_other", (select row_to_json("r$18")
    from (select (select row_to_json("r$17")
        from (select "f$16"."a$1" as "count"
          from (select count(*) as "a$1"
            from "public"."author" as "t$15"
            where exists (select 1
              from "public"."article" as "t$15.1"
              where "t$15.1"."author_id" = "t$15"."id" and exists (select 1
                from "archive"."edition" as "t$15.2"
                where "t$15.2"."article_id" = "t$15.1"."id" and ("t$15.2"."tenant" = $1::"pg_catalog"."text")))) as "f$16") as "r$17") as "aggregate") as "r$18") as "author_aggregate") as "r$19"
