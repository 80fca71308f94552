"""Plans are shared where that is right, and only there."""

from towpath_read_engine.engine import EngineSettings
from towpath_read_engine.testing import asking


def _count(library) -> int:
    return library.engine.schema.compiled


async def test_documents_that_differ_in_literals_share_a_plan(library):
    """Other literals, other white space and other variables of the same shape compile nothing and answer for themselves."""
    query = '{{ author(where: {{id: {{_in: {ids}}}, name: {{_neq: "{name}"}}}}, limit: {limit}, order_by: {{id: asc}}) {{ id }} }}'
    first = await library.data(query.format(ids="[1, 2]", name="x", limit=5))
    assert _count(library) == 1
    second = await library.data(query.format(ids="[3, 4, 5]", name="Éluard", limit=1).replace(" ", "  \n"))
    assert (first["author"], second["author"]) == ([{"id": 1}, {"id": 2}], [{"id": 3}])
    assert _count(library) == 1
    assert await library.error(query.format(ids="[1]", name="x", limit='"5"')) == (
        "validation-failed",
        "$.selectionSet.author.args.limit",
        "expected a non-negative 32-bit integer for type 'Int', but found a string",
    )
    assert _count(library) == 1


async def test_variables_of_another_shape_get_another_plan(library):
    """A null, another key or another direction is another statement; another value is not."""
    query = """query ($w: author_bool_exp!, $o: [author_order_by!], $ids: [Int!]) {
      author(where: {_and: [$w, {id: {_in: $ids}}]}, order_by: $o) { id }
    }"""
    asc, desc = [{"id": "asc"}], {"id": "desc"}
    steps = [
        ({"w": {"id": {"_gt": 1}}, "o": asc, "ids": [1, 2, 3]}, [2, 3], 1),
        ({"w": {"id": {"_gt": 2}}, "o": asc, "ids": [1, 2, 3, 4]}, [3, 4], 1),
        ({"w": {"id": {"_gt": 2}}, "o": desc, "ids": [3, 4]}, [4, 3], 2),
        ({"w": {"id": {"_gt": 2}}, "o": desc, "ids": None}, [5, 4, 3], 3),
        ({"w": {"id": {"_gt": None}}, "o": desc, "ids": None}, [5, 4, 3, 2, 1], 4),
        ({"w": {"country": {"_eq": "fr"}}, "o": desc, "ids": None}, [5, 4], 5),
        ({"w": {"country": {"_eq": "uk"}}, "o": desc}, [2, 1], 6),
        ({"w": {"id": {"_gt": 3}}, "o": asc, "ids": [4]}, [4], 6),
    ]
    for variables, expected, compiled in steps:
        answer = await library.data(query, variables)
        assert [row["id"] for row in answer["author"]] == expected
        assert _count(library) == compiled


async def test_roles_never_share_a_plan(library):
    """The same document asked by two roles is two plans, and session variables are parameters of one."""
    query = "{ author(order_by: {id: asc}) { id } }"
    assert len((await library.data(query))["author"]) == 5
    for author in ("1", "2", "1"):
        answer = await library.data(query, role="writer", session={"x-hasura-author-id": author})
        assert answer == {"author": [{"id": int(author)}]}
    assert _count(library) == 2


async def test_equal_literals_that_merge_do_not_hide_unequal_ones(library):
    """Fields merge when their literals are equal; the plan is not used when they are not."""
    query = "{{ author(where: {{id: {{_eq: {0}}}}}) {{ id }} author(where: {{id: {{_eq: {1}}}}}) {{ name }} }}"
    assert await library.data(query.format(1, 1)) == {"author": [{"id": 1, "name": "Ada"}]}
    code, _, message = await library.error(query.format(1, 2))
    assert code == "validation-failed"
    assert "inconsistent arguments" in message


async def test_caches_are_bounded(library_url, library_metadata):
    """However many documents and shapes come, no more than the settings allow stay, and answers stay right."""
    async with asking(library_url, library_metadata, EngineSettings(documents=4, plans_per_document=3)) as small:
        for n in range(12):
            assert await small.data(f"{{ a{n}: author_by_pk(id: 1) {{ id }} }}") == {f"a{n}": {"id": 1}}
            keys = [{"id": {"_gt": 0}}] * n
            answer = await small.data(
                "query ($w: [author_bool_exp!]) { author_aggregate(where: {_and: $w}) { aggregate { count } } }", {"w": keys}
            )
            assert answer["author_aggregate"]["aggregate"]["count"] == 5


async def test_the_answer_is_postgres_own_text(library):
    """Digits, big integers and key order come through as the database wrote them."""
    from towpath_read_engine.engine import Request, Session

    query = '{ article_by_pk(id: "00000000-0000-4000-8000-000000000001") { views rating raw published_at } }'
    text = await library.engine.execute(Request(query), Session())
    assert text == (
        b'{"article_by_pk":{"views":9007199254740993,"rating":4.50,"raw":{"b": 1, "a": 2},"published_at":"2024-02-01T10:00:00+00:00"}}'
    )


async def test_numbers_as_strings(library_url, library_metadata):
    """With STRINGIFY_NUMERIC_TYPES bigint, numeric, float8 and money are strings, aggregates after their column."""
    async with asking(library_url, library_metadata, EngineSettings(stringify_numeric=True)) as strings:
        answer = await strings.data(
            '{ article_by_pk(id: "00000000-0000-4000-8000-000000000001") {'
            " views rating author_id editions(where: {number: {_eq: 1}}) { printed ratio price } }"
            " article_aggregate { aggregate { count sum { rating author_id } } } }"
        )
    assert answer["article_by_pk"] == {
        "views": "9007199254740993",
        "rating": "4.50",
        "author_id": 1,
        "editions": [{"printed": "1e+300", "ratio": 1.5, "price": "$12.50"}],
    }
    assert answer["article_aggregate"] == {"aggregate": {"count": 6, "sum": {"rating": "16.15", "author_id": 14}}}
