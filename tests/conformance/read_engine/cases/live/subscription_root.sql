select row_to_json("r$3")
from (select (select row_to_json("r$2")
    from (select "t$1"."id" as "id", 'article'::text as "__typename"
      from "public"."article" as "t$1"
      where (exists (select 1
          from "public"."tag" as "t$1.1"
          where ("t$1.1"."label" = $1::"pg_catalog"."text")) and ("t$1"."id" = $2::"pg_catalog"."uuid"))) as "r$2") as "found", 'subscription_root'::text as "__typename") as "r$3"
