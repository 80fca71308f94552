select row_to_json("r$10")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "b$2"."id" as "id", (select coalesce(json_agg("r$3"), '[]')
        from (select "t$4"."title" as "title"
          from "public"."article" as "t$4"
          where "t$4"."author_id" = "b$2"."id" and ("t$4"."published_at" >= $1::"pg_catalog"."timestamptz")) as "r$3") as "articles"
      from (select "t$5"."id", "t$5"."id" as "o$1"
        from "public"."author" as "t$5"
        where (("t$5"."id" = $2::"pg_catalog"."int4") or exists (select 1
            from "public"."article" as "t$5.1"
            where "t$5.1"."author_id" = "t$5"."id" and ("t$5.1"."rating" >= $3::"pg_catalog"."numeric")))
        order by "t$5"."id" asc nulls last) as "b$2") as "r$1") as "author", (select coalesce(json_agg("r$6"), '[]')
    from (select "t$7"."id" as "id"
      from "public"."author" as "t$7"
      where ("t$7"."settings" @> $4::"pg_catalog"."jsonb")) as "r$6") as "part", (select coalesce(json_agg("r$8"), '[]')
    from (select "t$9"."id" as "id"
      from "public"."author" as "t$9"
      where ("t$9"."settings" @> $5::"pg_catalog"."jsonb")) as "r$8") as "inside") as "r$10"
