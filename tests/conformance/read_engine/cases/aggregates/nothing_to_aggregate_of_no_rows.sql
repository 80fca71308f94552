select row_to_json("r$5")
from (select (select row_to_json("r$4")
    from (select (select row_to_json("r$3")
        from (select 'author_aggregate_fields'::text as "__typename") as "r$3") as "aggregate") as "r$4") as "author_aggregate") as "r$5"
