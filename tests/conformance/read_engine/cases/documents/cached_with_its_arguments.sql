select row_to_json("r$3")
from (select (select row_to_json("r$2")
    from (select "t$1"."id" as "id"
      from "public"."author" as "t$1"
      where ("t$1"."id" = $1::"pg_catalog"."int4")) as "r$2") as "author_by_pk") as "r$3"
