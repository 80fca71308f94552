"""Pages of any size at any place against slicing, however their plan came to be: compiled for them, or for others near them."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

_counts = st.none() | st.integers(0, 7) | st.sampled_from([15, 16, 17, 64, 65, 1024, 65_536, 65_537, 2**31 - 1])
_PAGE = """query ($limit: Int, $offset: Int) {
  author(order_by: {id: asc}, limit: $limit, offset: $offset) { id articles(order_by: {title: desc}, limit: $limit) { title } }
  author_aggregate(order_by: {id: desc}, limit: $limit, offset: $offset) { aggregate { count } nodes { id } }
}"""
_LITERAL = "{{ author(order_by: {{id: asc}}, limit: {limit}, offset: {offset}) {{ id }} }}"


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(limit=_counts, offset=_counts)
async def test_pages_are_slices(library, limit, offset):
    """Lists, nested lists, aggregates and their nodes hold what a slice of all rows holds; a null is no limit."""
    rows = (await library.data("{ author(order_by: {id: asc}) { id articles(order_by: {title: desc}) { title } } }"))["author"]
    start = offset or 0
    stop = None if limit is None else start + limit
    answer = await library.data(_PAGE, {"limit": limit, "offset": offset})
    assert answer["author"] == [{**row, "articles": row["articles"][:limit]} for row in rows[start:stop]]
    backwards = [{"id": row["id"]} for row in rows[::-1][start:stop]]
    assert answer["author_aggregate"] == {"aggregate": {"count": len(backwards)}, "nodes": backwards}
    if limit is not None:
        answer = await library.data(_LITERAL.format(limit=limit, offset=start))
        assert answer["author"] == [{"id": row["id"]} for row in rows[start:stop]]
