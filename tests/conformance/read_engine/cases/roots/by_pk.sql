select row_to_json("r$8")
from (select (select row_to_json("r$5")
    from (select "t$1"."title" as "title", "j$2"."v$" as "author"
      from "public"."article" as "t$1"
      left join lateral (select row_to_json("r$4")
        from (select "t$3"."name" as "name"
          from "public"."author" as "t$3"
          where "t$3"."id" = "t$1"."author_id") as "r$4") as "j$2" ("v$") on true
      where ("t$1"."id" = $1::"pg_catalog"."uuid")) as "r$5") as "article_by_pk", (select row_to_json("r$7")
    from (select "t$6"."title" as "title"
      from "public"."article" as "t$6"
      where ("t$6"."id" = $2::"pg_catalog"."uuid")) as "r$7") as "none") as "r$8"
