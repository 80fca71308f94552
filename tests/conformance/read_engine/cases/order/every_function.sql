select row_to_json("r$54")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "b$2"."id" as "id"
      from (select "t$3"."id", "j$4"."v$" as "o$1", "t$3"."id" as "o$2"
        from "public"."author" as "t$3"
        left join lateral (select sum("t$5"."rating") as "v$"
          from "public"."article" as "t$5"
          where "t$5"."author_id" = "t$3"."id") as "j$4" on true
        order by "j$4"."v$" desc nulls last, "t$3"."id" asc nulls last) as "b$2") as "r$1") as "sum", (select coalesce(json_agg("r$6"), '[]')
    from (select "b$7"."id" as "id"
      from (select "t$8"."id", "j$9"."v$" as "o$1", "t$8"."id" as "o$2"
        from "public"."author" as "t$8"
        left join lateral (select avg("t$10"."rating") as "v$"
          from "public"."article" as "t$10"
          where "t$10"."author_id" = "t$8"."id") as "j$9" on true
        order by "j$9"."v$" asc nulls first, "t$8"."id" desc nulls first) as "b$7") as "r$6") as "avg", (select coalesce(json_agg("r$11"), '[]')
    from (select "b$12"."id" as "id"
      from (select "t$13"."id", "j$14"."v$" as "o$1", "t$13"."id" as "o$2"
        from "public"."author" as "t$13"
        left join lateral (select min("t$15"."title") as "v$"
          from "public"."article" as "t$15"
          where "t$15"."author_id" = "t$13"."id") as "j$14" on true
        order by "j$14"."v$" asc nulls last, "t$13"."id" asc nulls last) as "b$12") as "r$11") as "min", (select coalesce(json_agg("r$16"), '[]')
    from (select "b$17"."id" as "id"
      from (select "t$18"."id", "j$19"."v$" as "o$1", "j$21"."v$" as "o$2", "t$18"."id" as "o$3"
        from "public"."author" as "t$18"
        left join lateral (select count(*) as "v$"
          from "public"."article" as "t$20"
          where "t$20"."author_id" = "t$18"."id") as "j$19" on true
        left join lateral (select max("t$22"."published_at") as "v$"
          from "public"."article" as "t$22"
          where "t$22"."author_id" = "t$18"."id") as "j$21" on true
        order by "j$19"."v$" desc nulls first, "j$21"."v$" asc nulls last, "t$18"."id" desc nulls first) as "b$17") as "r$16") as "several", (select coalesce(json_agg("r$23"), '[]')
    from (select "b$24"."id" as "id"
      from (select "t$25"."id", "j$26"."v$" as "o$1", "j$28"."v$" as "o$2", "t$25"."id" as "o$3"
        from "public"."author" as "t$25"
        left join lateral (select stddev("t$27"."rating") as "v$"
          from "public"."article" as "t$27"
          where "t$27"."author_id" = "t$25"."id") as "j$26" on true
        left join lateral (select variance("t$29"."views") as "v$"
          from "public"."article" as "t$29"
          where "t$29"."author_id" = "t$25"."id") as "j$28" on true
        order by "j$26"."v$" desc nulls last, "j$28"."v$" asc nulls last, "t$25"."id" asc nulls last) as "b$24") as "r$23") as "spread", (select coalesce(json_agg("r$30"), '[]')
    from (select "b$31"."id" as "id"
      from (select "t$32"."id", "j$33"."v$" as "o$1", "j$35"."v$" as "o$2", "j$37"."v$" as "o$3", "j$39"."v$" as "o$4", "t$32"."id" as "o$5"
        from "public"."author" as "t$32"
        left join lateral (select stddev_pop("t$34"."views") as "v$"
          from "public"."article" as "t$34"
          where "t$34"."author_id" = "t$32"."id") as "j$33" on true
        left join lateral (select stddev_samp("t$36"."views") as "v$"
          from "public"."article" as "t$36"
          where "t$36"."author_id" = "t$32"."id") as "j$35" on true
        left join lateral (select var_pop("t$38"."views") as "v$"
          from "public"."article" as "t$38"
          where "t$38"."author_id" = "t$32"."id") as "j$37" on true
        left join lateral (select var_samp("t$40"."views") as "v$"
          from "public"."article" as "t$40"
          where "t$40"."author_id" = "t$32"."id") as "j$39" on true
        order by "j$33"."v$" desc nulls first, "j$35"."v$" asc nulls last, "j$37"."v$" desc nulls first, "j$39"."v$" desc nulls first, "t$32"."id" asc nulls last) as "b$31") as "r$30") as "samples", (select coalesce(json_agg("r$41"), '[]')
    from (select "b$42"."title" as "title"
      from (select *
        from (select "t$43"."title", "j$44"."v$" as "o$1", "t$43"."id" as "o$2"
          from "public"."article" as "t$43"
          left join lateral (select "j$46"."v$" as "v$"
            from "public"."author" as "t$45"
            left join lateral (select "j$48"."v$" as "v$"
              from "public"."author" as "t$47"
              left join lateral (select count(*) as "v$"
                from "public"."article" as "t$49"
                where "t$49"."author_id" = "t$47"."id") as "j$48" on true
              where "t$47"."id" = "t$45"."mentor_id") as "j$46" on true
            where "t$45"."id" = "t$43"."author_id") as "j$44" on true
          order by "j$44"."v$" desc nulls last, "t$43"."id" asc nulls last limit 4) as "c$50"
        order by "c$50"."o$1" desc nulls last, "c$50"."o$2" asc nulls last limit $1::"pg_catalog"."int8") as "b$42") as "r$41") as "deep", (select coalesce(json_agg("r$51"), '[]')
    from (select "b$52"."id" as "id"
      from (select "t$53"."id", "t$53"."id" as "o$1"
        from "public"."author" as "t$53"
        order by "t$53"."id" desc nulls first) as "b$52") as "r$51") as "null_inside") as "r$54"
