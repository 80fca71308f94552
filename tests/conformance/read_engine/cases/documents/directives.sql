select row_to_json("r$5")
from (select (select row_to_json("r$2")
    from (select "t$1"."id" as "id", "t$1"."born" as "born", "t$1"."joined_at" as "joined_at"
      from "public"."author" as "t$1"
      where ("t$1"."id" = $1::"pg_catalog"."int4")) as "r$2") as "author_by_pk", (select row_to_json("r$4")
    from (select
      from "public"."author" as "t$3"
      where ("t$3"."id" = $2::"pg_catalog"."int4")) as "r$4") as "bare") as "r$5"
