"""Tables that others inherit from: their rows are those of the others, too, and a key holds within each of them only."""

import json

import psycopg

from towpath_read_engine.engine import Turn
from towpath_read_engine.testing import asking

_TABLES = """
create table vessel (id integer primary key, name text not null);
create table barge (tons integer) inherits (vessel);
create table trip (id integer primary key, vessel_id integer not null);
insert into vessel values (1, 'Otter'), (2, 'Heron');
insert into barge values (1, 'Otter II', 40), (3, 'Coal', 60);
insert into trip values (7, 1), (8, 3);
"""
_LINK = {"remote_table": "vessel", "column_mapping": {"vessel_id": "id"}}
_METADATA = {
    "version": 3,
    "sources": [
        {
            "kind": "postgres",
            "tables": [
                {"table": "vessel"},
                {"table": "trip", "object_relationships": [{"name": "vessel", "using": {"manual_configuration": _LINK}}]},
            ],
        }
    ],
}


async def test_a_key_that_two_rows_have_gives_one(new_database):
    """`by_pk`, object relationships and sorting through them take one of the rows, as the image does; streams give both."""
    url = new_database()
    with psycopg.connect(url) as connection:
        connection.execute(_TABLES)
    async with asking(url, json.loads(json.dumps(_METADATA))) as asker:
        data = await asker.data("{ vessel_by_pk(id: 1) { id } none: vessel_by_pk(id: 9) { id } vessel_aggregate { aggregate { count } } }")
        assert data == {"vessel_by_pk": {"id": 1}, "none": None, "vessel_aggregate": {"aggregate": {"count": 4}}}
        data = await asker.data("{ trip(order_by: [{vessel: {id: desc}}, {id: asc}]) { id vessel { id } } }")
        assert data == {"trip": [{"id": 8, "vessel": {"id": 3}}, {"id": 7, "vessel": {"id": 1}}]}
        stream = "subscription { vessel_stream(batch_size: 1, cursor: {initial_value: {id: 0}}) { id name } }"
        first = await asker.turn(stream)
        assert sorted(row["name"] for row in first["data"]["vessel_stream"]) == ["Otter", "Otter II"]
        second = await asker.turn(stream, turn=Turn(first["extensions"]["stream"]["after"]))
        assert second["data"]["vessel_stream"] == [{"id": 2, "name": "Heron"}]
