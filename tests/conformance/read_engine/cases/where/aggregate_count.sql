select row_to_json("r$14")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "b$2"."name" as "name"
      from (select "t$3"."name", "t$3"."id" as "o$1"
        from "public"."author" as "t$3"
        where ((select count(*)
            from "public"."article" as "t$3.1"
            where "t$3.1"."author_id" = "t$3"."id") >= $1::"pg_catalog"."int4")
        order by "t$3"."id" asc nulls last) as "b$2") as "r$1") as "several", (select coalesce(json_agg("r$4"), '[]')
    from (select "t$5"."name" as "name"
      from "public"."author" as "t$5"
      where ((select count(*)
          from "public"."article" as "t$5.1"
          where "t$5.1"."author_id" = "t$5"."id") = $2::"pg_catalog"."int4")) as "r$4") as "none", (select coalesce(json_agg("r$6"), '[]')
    from (select "b$7"."name" as "name"
      from (select "t$8"."name", "t$8"."id" as "o$1"
        from "public"."author" as "t$8"
        where (((select count(*)
              from "public"."article" as "t$8.1"
              where "t$8.1"."author_id" = "t$8"."id") > $3::"pg_catalog"."int4") and ((select count(*)
              from "public"."article" as "t$8.1"
              where "t$8.1"."author_id" = "t$8"."id") < $4::"pg_catalog"."int4"))
        order by "t$8"."id" asc nulls last) as "b$7") as "r$6") as "range", (select coalesce(json_agg("r$9"), '[]')
    from (select "t$10"."name" as "name"
      from "public"."author" as "t$10"
      where (not ((select count(*)
            from "public"."article" as "t$10.1"
            where "t$10.1"."author_id" = "t$10"."id") > $5::"pg_catalog"."int4"))) as "r$9") as "not", (select coalesce(json_agg("r$11"), '[]')
    from (select "b$12"."id" as "id"
      from (select "t$13"."id", "t$13"."id" as "o$1"
        from "public"."author" as "t$13"
        order by "t$13"."id" asc nulls last) as "b$12") as "r$11") as "dropped") as "r$14"
