select row_to_json("r$5")
from (select (select row_to_json("r$2")
    from (select "t$1"."words" as "words"
      from "public"."motto" as "t$1"
      where ("t$1"."mood" = $1::"pg_catalog"."text")) as "r$2") as "motto_by_pk", (select row_to_json("r$4")
    from (select "t$3"."words" as "words"
      from "public"."motto" as "t$3"
      where ("t$3"."mood" = $2::"pg_catalog"."text")) as "r$4") as "default") as "r$5"
