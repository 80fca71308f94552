select row_to_json("r$7")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "b$2"."country" as "country", "b$2"."id" as "id"
      from (select distinct on ("t$3"."country") "t$3"."country", "t$3"."id", "t$3"."country" as "o$1", "t$3"."id" as "o$2"
        from "public"."author" as "t$3"
        order by "t$3"."country" asc nulls last, "t$3"."id" desc nulls first) as "b$2") as "r$1") as "author", (select coalesce(json_agg("r$4"), '[]')
    from (select "b$5"."author_id" as "author_id", "b$5"."published" as "published", "b$5"."title" as "title"
      from (select distinct on ("t$6"."author_id", "t$6"."published") "t$6"."author_id", "t$6"."published", "t$6"."title", "t$6"."published" as "o$1", "t$6"."author_id" as "o$2", "t$6"."title" as "o$3"
        from "public"."article" as "t$6"
        order by "t$6"."published" asc nulls last, "t$6"."author_id" desc nulls first, "t$6"."title" asc nulls last) as "b$5") as "r$4") as "bare") as "r$7"
