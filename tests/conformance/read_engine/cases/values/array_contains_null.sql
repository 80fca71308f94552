select row_to_json("r$3")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "t$2"."id" as "id"
      from "public"."article" as "t$2"
      where ("t$2"."labels" @> $1::"pg_catalog"."_text")) as "r$1") as "article") as "r$3"
