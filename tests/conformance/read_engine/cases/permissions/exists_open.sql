select row_to_json("r$5")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "b$2"."id" as "id"
      from (select *
        from (select "t$3"."id", "t$3"."id" as "o$1"
          from "public"."article" as "t$3"
          where exists (select 1
            from "public"."tag" as "t$3.1"
            where ("t$3.1"."label" = $1::"pg_catalog"."text"))
          order by "t$3"."id" asc nulls last limit 1) as "c$4"
        order by "c$4"."o$1" asc nulls last limit $2::"pg_catalog"."int8") as "b$2") as "r$1") as "article") as "r$5"
