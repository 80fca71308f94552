select row_to_json("r$7")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "t$2"."bigs" as "bigs"
      from "public"."sample" as "t$2"
      where ("t$2"."bigs" = $1::"pg_catalog"."_int8")) as "r$1") as "variable", (select coalesce(json_agg("r$3"), '[]')
    from (select "t$4"."bigs" as "bigs"
      from "public"."sample" as "t$4"
      where ("t$4"."bigs" = any(select "v$"::"pg_catalog"."_int8"
          from unnest($2::text[]) as "v$"))) as "r$3") as "literal", (select coalesce(json_agg("r$5"), '[]')
    from (select "t$6"."title" as "title"
      from "public"."article" as "t$6"
      where ("t$6"."labels" = $3::"pg_catalog"."_text")) as "r$5") as "mixed") as "r$7"
