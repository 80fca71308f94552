select row_to_json("r$3")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "t$2"."title" as "title"
      from "public"."article" as "t$2"
      where exists (select 1
        from "public"."author" as "t$2.1"
        where "t$2.1"."id" = "t$2"."editor_id" and ("t$2.1"."id" < "t$2"."author_id"))) as "r$1") as "article") as "r$3"
