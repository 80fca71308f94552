select row_to_json("r$3")
from (select (select row_to_json("r$2")
    from (select "t$1"."number" as "number", "t$1"."tenant" as "tenant"
      from "archive"."edition" as "t$1"
      where (("t$1"."article_id" = $1::"pg_catalog"."uuid") and ("t$1"."number" = $2::"pg_catalog"."int2"))) as "r$2") as "archive_edition_by_pk") as "r$3"
