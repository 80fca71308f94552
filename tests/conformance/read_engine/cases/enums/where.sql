select row_to_json("r$29")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "t$2"."id" as "id"
      from "public"."diary" as "t$2"
      where ("t$2"."mood" = $1::"pg_catalog"."text")) as "r$1") as "literal", (select coalesce(json_agg("r$3"), '[]')
    from (select "b$4"."id" as "id"
      from (select "t$5"."id", "t$5"."id" as "o$1"
        from "public"."diary" as "t$5"
        where ("t$5"."mood" <> $2::"pg_catalog"."text")
        order by "t$5"."id" asc nulls last) as "b$4") as "r$3") as "not", (select coalesce(json_agg("r$6"), '[]')
    from (select "b$7"."id" as "id"
      from (select "t$8"."id", "t$8"."id" as "o$1"
        from "public"."diary" as "t$8"
        where ("t$8"."mood" = any($3::"pg_catalog"."text"[]))
        order by "t$8"."id" asc nulls last) as "b$7") as "r$6") as "list", (select coalesce(json_agg("r$9"), '[]')
    from (select "t$10"."id" as "id"
      from "public"."diary" as "t$10"
      where ("t$10"."mood" = any($4::"pg_catalog"."text"[]))) as "r$9") as "one", (select coalesce(json_agg("r$11"), '[]')
    from (select "t$12"."id" as "id"
      from "public"."diary" as "t$12"
      where (not ("t$12"."mood" = any($5::"pg_catalog"."text"[])))) as "r$11") as "mixed", (select coalesce(json_agg("r$13"), '[]')
    from (select "t$14"."id" as "id"
      from "public"."diary" as "t$14"
      where ("t$14"."mood" = $6::"pg_catalog"."text")) as "r$13") as "variable", (select coalesce(json_agg("r$15"), '[]')
    from (select "b$16"."id" as "id"
      from (select "t$17"."id", "t$17"."id" as "o$1"
        from "public"."diary" as "t$17"
        where ("t$17"."mood" = any($7::"pg_catalog"."text"[]))
        order by "t$17"."id" asc nulls last) as "b$16") as "r$15") as "variables", (select coalesce(json_agg("r$18"), '[]')
    from (select "t$19"."id" as "id"
      from "public"."diary" as "t$19"
      where ("t$19"."weather" = $8::"pg_catalog"."varchar")) as "r$18") as "whole", (select coalesce(json_agg("r$20"), '[]')
    from (select "t$21"."id" as "id"
      from "public"."diary" as "t$21"
      where ("t$21"."later_mood" is null)) as "r$20") as "null", (select coalesce(json_agg("r$22"), '[]')
    from (select "t$23"."weather" as "weather"
      from "public"."diary" as "t$23"
      where ("t$23"."weather" = $9::"pg_catalog"."varchar")) as "r$22") as "varchar", (select coalesce(json_agg("r$24"), '[]')
    from (select "t$25"."mood" as "mood", "j$26"."v$" as "motto"
      from "public"."diary" as "t$25"
      left join lateral (select row_to_json("r$28")
        from (select "t$27"."words" as "words"
          from "public"."motto" as "t$27"
          where "t$27"."mood" = "t$25"."mood") as "r$28") as "j$26" ("v$") on true
      where exists (select 1
        from "public"."motto" as "t$25.1"
        where "t$25.1"."mood" = "t$25"."mood" and ("t$25.1"."mood" = $10::"pg_catalog"."text"))) as "r$24") as "related") as "r$29"
