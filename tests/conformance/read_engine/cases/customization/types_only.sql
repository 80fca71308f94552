select row_to_json("r$5")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select 'T_diary_S'::text as "__typename", "t$2"."mood" as "mood"
      from "public"."diary" as "t$2"
      where ("t$2"."mood" = $1::"pg_catalog"."text")) as "r$1") as "diary", (select coalesce(json_agg("r$3"), '[]')
    from (select 'T_article_S'::text as "__typename", "t$4"."title" as "title"
      from "public"."article" as "t$4"
      where ((select corr("t$4.1"."minutes", "t$4.1"."pages")
          from "public"."reading" as "t$4.1"
          where "t$4.1"."article_id" = "t$4"."id") < $2::"pg_catalog"."float8")) as "r$3") as "articles") as "r$5"
