select row_to_json("r$34")
from (select (select coalesce(json_agg("r$1"), '[]')
    from (select "t$2"."id" as "id"
      from "public"."sample" as "t$2"
      where ("t$2"."big" = $1::"pg_catalog"."int8")) as "r$1") as "big", (select coalesce(json_agg("r$3"), '[]')
    from (select "t$4"."id" as "id"
      from "public"."sample" as "t$4"
      where ("t$4"."exact" = $2::"pg_catalog"."numeric")) as "r$3") as "exact", (select coalesce(json_agg("r$5"), '[]')
    from (select "t$6"."id" as "id"
      from "public"."sample" as "t$6"
      where (("t$6"."exact" = $3::"pg_catalog"."numeric") and ("t$6"."wide" > $4::"pg_catalog"."float8"))) as "r$5") as "literal", (select coalesce(json_agg("r$7"), '[]')
    from (select "b$8"."id" as "id"
      from (select "t$9"."id", "t$9"."id" as "o$1"
        from "public"."sample" as "t$9"
        where ("t$9"."id" = any($5::"pg_catalog"."int2"[]))
        order by "t$9"."id" asc nulls last) as "b$8") as "r$7") as "small", (select coalesce(json_agg("r$10"), '[]')
    from (select "t$11"."id" as "id"
      from "public"."sample" as "t$11"
      where ("t$11"."naive" = $6::"pg_catalog"."timestamp")) as "r$10") as "naive", (select coalesce(json_agg("r$12"), '[]')
    from (select "t$13"."id" as "id"
      from "public"."sample" as "t$13"
      where (("t$13"."moment" = $7::"pg_catalog"."timestamptz") and ("t$13"."day" < $8::"pg_catalog"."date") and ("t$13"."hour" >= $9::"pg_catalog"."time") and ("t$13"."span" > $10::"pg_catalog"."interval"))) as "r$12") as "times", (select coalesce(json_agg("r$14"), '[]')
    from (select "t$15"."id" as "id"
      from "public"."sample" as "t$15"
      where (("t$15"."address" = $11::"pg_catalog"."inet") and ("t$15"."network" <> $12::"pg_catalog"."cidr"))) as "r$14") as "network", (select coalesce(json_agg("r$16"), '[]')
    from (select "t$17"."id" as "id"
      from "public"."sample" as "t$17"
      where ("t$17"."numbers" = $13::"pg_catalog"."int4range")) as "r$16") as "range", (select coalesce(json_agg("r$18"), '[]')
    from (select "t$19"."id" as "id"
      from "public"."sample" as "t$19"
      where ("t$19"."sizes" > $14::"public"."size")) as "r$18") as "enum", (select coalesce(json_agg("r$20"), '[]')
    from (select "t$21"."id" as "id"
      from "public"."sample" as "t$21"
      where ("t$21"."sale" = $15::"public"."point_of_sale")) as "r$20") as "composite", (select coalesce(json_agg("r$22"), '[]')
    from (select "t$23"."id" as "id"
      from "public"."sample" as "t$23"
      where ("t$23"."counted" <= $16::"public"."positive")) as "r$22") as "domain", (select coalesce(json_agg("r$24"), '[]')
    from (select "t$25"."id" as "id"
      from "public"."sample" as "t$25"
      where ("t$25"."cash" > $17::"pg_catalog"."money")) as "r$24") as "money", (select coalesce(json_agg("r$26"), '[]')
    from (select "t$27"."id" as "id"
      from "public"."sample" as "t$27"
      where ("t$27"."bytes" = $18::"pg_catalog"."bytea")) as "r$26") as "bytes", (select coalesce(json_agg("r$28"), '[]')
    from (select "t$29"."id" as "id"
      from "public"."sample" as "t$29"
      where ("t$29"."bits" = $19::"pg_catalog"."bit")) as "r$28") as "bits", (select coalesce(json_agg("r$30"), '[]')
    from (select "t$31"."id" as "id"
      from "public"."sample" as "t$31"
      where ("t$31"."ids" @> $20::"pg_catalog"."_uuid")) as "r$30") as "ids", (select coalesce(json_agg("r$32"), '[]')
    from (select "t$33"."id" as "id"
      from "public"."sample" as "t$33"
      where ("t$33"."exacts" <@ $21::"pg_catalog"."_numeric")) as "r$32") as "exacts") as "r$34"
