select row_to_json("r$7")
from (select (select row_to_json("r$6")
    from (select (select row_to_json("r$5")
        from (select 'author_aggregate_fields'::text as "__typename", (select row_to_json("r$3")
            from (select 'author_sum_fields'::text as "__typename") as "r$3") as "sum", (select row_to_json("r$4")
            from (select ) as "r$4") as "max") as "r$5") as "aggregate") as "r$6") as "author_aggregate") as "r$7"
