select row_to_json("r$17")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "b$2"."id" as "id", (select coalesce(json_agg("r$3"), '[]')
        from (select "b$4"."id" as "id", (select coalesce(json_agg("r$5"), '[]')
            from (select "t$6"."id" as "id", (select coalesce(json_agg("r$7"), '[]')
                from (select "t$8"."id" as "id"
                  from "public"."author" as "t$8"
                  where "t$8"."mentor_id" = "t$6"."id") as "r$7") as "pupils"
              from "public"."author" as "t$6"
              where "t$6"."mentor_id" = "b$4"."id") as "r$5") as "pupils"
          from (select "t$9"."id", "t$9"."id" as "o$1"
            from "public"."author" as "t$9"
            where "t$9"."mentor_id" = "b$2"."id"
            order by "t$9"."id" desc nulls first) as "b$4") as "r$3") as "pupils", (select row_to_json("r$15")
        from (select (select row_to_json("r$12")
            from (select "f$11"."a$1" as "count"
              from (select count(*) as "a$1"
                from "public"."author" as "t$10"
                where "t$10"."mentor_id" = "b$2"."id") as "f$11") as "r$12") as "aggregate", (select coalesce(json_agg("r$13"), '[]')
            from (select "t$14"."id" as "id"
              from "public"."author" as "t$14"
              where "t$14"."mentor_id" = "b$2"."id") as "r$13") as "nodes") as "r$15") as "pupils_aggregate"
      from (select "t$16"."id", "t$16"."id" as "o$1"
        from "public"."author" as "t$16"
        order by "t$16"."id" asc nulls last) as "b$2") as "r$1") as "author") as "r$17"
