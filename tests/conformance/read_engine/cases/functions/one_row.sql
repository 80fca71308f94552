select row_to_json("r$10")
from (select (select row_to_json("r$2")
    from (select "t$1"."name" as "name"
      from "public"."oldest_author"() as "t$1"
      where not ("t$1" is null)) as "r$2") as "oldest_author", (select row_to_json("r$7")
    from (select "t$3"."name" as "name", (select coalesce(json_agg("r$4"), '[]')
        from (select "b$5"."title" as "title"
          from (select "t$6"."title", "t$6"."title" as "o$1"
            from "public"."article" as "t$6"
            where "t$6"."author_id" = "t$3"."id"
            order by "t$6"."title" asc nulls last) as "b$5") as "r$4") as "articles"
      from "public"."oldest_author"($1::"pg_catalog"."text") as "t$3"
      where not ("t$3" is null)) as "r$7") as "british", (select row_to_json("r$9")
    from (select "t$8"."name" as "name"
      from "public"."oldest_author"($2::"pg_catalog"."text") as "t$8"
      where not ("t$8" is null)) as "r$9") as "none") as "r$10"
