"""Random sort orders against Python's stable sort, nulls where the direction puts them."""

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

_DIRECTIONS = {
    "asc": (False, False),
    "desc": (True, True),
    "asc_nulls_first": (False, True),
    "asc_nulls_last": (False, False),
    "desc_nulls_first": (True, True),
    "desc_nulls_last": (True, False),
}
"""For each word whether it turns the order round, and whether nulls come first."""
_KEYS = {
    "{editor_id: %s}": lambda row: row["editor_id"],
    "{published: %s}": lambda row: row["published"],
    "{rating: %s}": lambda row: row["rating"],
    "{editor: {mentor_id: %s}}": lambda row: row["mentor_of_editor"],
    "{author: {articles_aggregate: {count: %s}}}": lambda row: row["articles_of_author"],
    "{author: {articles_aggregate: {max: {editor_id: %s}}}}": lambda row: row["last_editor_of_author"],
    "{author: {output: %s}}": lambda row: row["output_of_author"],
    "{author: {published_aggregate: {count: %s}}}": lambda row: row["published_of_author"],
}
_ROWS = """
select a.id::text, a.editor_id, a.published, a.rating, e.mentor_id as mentor_of_editor,
       (select count(*) from article x where x.author_id = a.author_id) as articles_of_author,
       (select max(x.editor_id) from article x where x.author_id = a.author_id) as last_editor_of_author,
       (select sum(length(x.body)) from article x where x.author_id = a.author_id) as output_of_author,
       (select count(*) from article x where x.author_id = a.author_id and x.published) as published_of_author
from article a left join author e on e.id = a.editor_id
order by a.id
"""


@pytest.fixture(scope="session")
def rows(library_url) -> list[dict]:
    """The library's articles with all that they are sorted by."""
    with psycopg.connect(library_url) as connection, connection.cursor(row_factory=psycopg.rows.dict_row) as cursor:
        return cursor.execute(_ROWS).fetchall()


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    keys=st.lists(st.tuples(st.sampled_from(sorted(_KEYS)), st.sampled_from([*sorted(_DIRECTIONS), "null"])), max_size=4),
    limit=st.none() | st.integers(0, 7),
)
async def test_sort_orders(library, rows, keys, limit):
    """Several keys, through relationships, aggregates and computed fields; a null key is not there."""
    expected = list(rows)
    for key, word in reversed(keys):
        if word != "null":
            reverse, nulls_first = _DIRECTIONS[word]
            value = _KEYS[key]
            known = sorted((row for row in expected if value(row) is not None), key=value, reverse=reverse)
            unknown = [row for row in expected if value(row) is None]
            expected = unknown + known if nulls_first else known + unknown
    order = ", ".join([*(key % word for key, word in keys), "{id: asc}"])
    answer = await library.data(f"{{ article(order_by: [{order}], limit: {'null' if limit is None else limit}) {{ id }} }}")
    assert [row["id"] for row in answer["article"]] == [row["id"] for row in expected][:limit]
