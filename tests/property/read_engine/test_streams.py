"""Streams followed to their end against a sorted list: whatever the column, the direction and the size of the turns."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from towpath_read_engine.engine import Turn

_COLUMNS = {
    ("author", "admin"): ["id", "name", "country", "born", "joined_at", "mentor_id", "settings"],
    ("author", "tenant"): ["id", "name"],
    ("article", "admin"): ["id", "author_id", "title", "rating", "views", "published", "published_at", "updated", "labels", "meta"],
    ("article", "tenant"): ["id", "author_id", "title"],
    ("published_article", "admin"): ["id", "author_id", "title"],
    ("archive_edition", "admin"): ["article_id", "number", "printed", "ratio", "span", "at_time", "tenant"],
    ("archive_edition", "tenant"): ["article_id", "number"],
    ("diary", "reader"): ["mood", "later_mood", "weather"],
}
"""Columns by table and role; most of them have the same value in several rows, or none."""
_LIST = "{{ {table}(where: {{{column}: {{_is_null: false}}}}, order_by: {{{column}: {direction}}}) {{ value: {column} }} }}"
_STREAM = """subscription ($from: {table}_stream_cursor_value_input!, $n: Int!) {{
  {table}_stream(batch_size: $n, cursor: {{initial_value: $from, ordering: {ordering}}}) {{ value: {column} }} }}"""


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    place=st.sampled_from([(*key, column) for key, columns in _COLUMNS.items() for column in columns]),
    ordering=st.sampled_from(["ASC", "DESC"]),
    batch_size=st.integers(1, 4),
    rows=st.integers(1, 4),
    start=st.integers(0, 6),
)
async def test_a_stream_gives_each_row_once_and_in_order(library, place, ordering, batch_size, rows, start):
    """All rows whose cursor comes after the initial value, equal ones included; never more at once than asked for, where there is a key."""
    table, role, column = place
    who = {"role": role, "session": {"x-hasura-tenant-id": "red"}}
    listed = (await library.data(_LIST.format(table=table, column=column, direction=ordering.lower()), **who))[table]
    values = [row["value"] for row in listed]
    initial = values[min(start, len(values) - 1)]
    document = _STREAM.format(table=table, column=column, ordering=ordering)
    after, more, heard = None, True, []
    while more:
        answer = await library.turn(document, {"from": {column: initial}, "n": batch_size}, turn=Turn(after, rows), **who)
        assert "data" in answer, answer
        batch = [row["value"] for row in answer["data"][f"{table}_stream"]]
        after, more = answer["extensions"]["stream"]["after"], answer["extensions"]["stream"]["more"]
        assert bool(batch) is (after is not None)
        assert table == "published_article" or len(batch) <= min(batch_size, rows)
        heard += batch
        more = more and bool(batch)
        assert len(heard) <= len(values)
    assert heard == [value for value in values[values.index(initial) :] if value != initial]
