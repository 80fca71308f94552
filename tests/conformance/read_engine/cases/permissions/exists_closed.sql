select row_to_json("r$3")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "t$2"."id" as "id"
      from "public"."article" as "t$2"
      where exists (select 1
        from "public"."tag" as "t$2.1"
        where ("t$2.1"."label" = $1::"pg_catalog"."text"))) as "r$1") as "article") as "r$3"
