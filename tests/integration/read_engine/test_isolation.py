"""Two tenants on the same rows: neither finds a way to the other's."""

import pytest

_DOCUMENTS = [
    "{ author { id articles { id editions { number } } } }",
    "{ article { id author { id articles { id } } } }",
    "{ archive_edition { number article { id title } } }",
    '{ author(where: {articles: {title: {_ilike: "%"}}}) { id } }',
    '{ author(where: {_not: {articles: {title: {_eq: "x"}}}}) { id } }',
    "{ article(where: {_or: [{}, {editions: {number: {_gt: 0}}}]}) { id } }",
    "{ article_aggregate { aggregate { count max { title } } nodes { id title } } }",
    "{ author_aggregate { nodes { articles_aggregate { aggregate { count } nodes { id } } } } }",
    "{ article(order_by: {author: {name: asc}}) { id } }",
    "{ author(order_by: {articles_aggregate: {count: desc}}, distinct_on: []) { id } }",
    '{ article_by_pk(id: "00000000-0000-4000-8000-000000000003") { title } }',
    '{ archive_edition_by_pk(article_id: "00000000-0000-4000-8000-000000000001", number: 1) { number } }',
]


async def _only(library, tenant: str) -> dict:
    """What the tenant sees, straight from the tables: the rows of its editions and what they hang on."""
    rows = await library.data(
        "query ($t: String!) { edition: archive_edition(where: {tenant: {_eq: $t}}) { number article { id title author { id } } } }",
        {"t": tenant},
    )
    return {
        "articles": {row["article"]["id"] for row in rows["edition"]},
        "titles": {row["article"]["title"] for row in rows["edition"]},
        "authors": {row["article"]["author"]["id"] for row in rows["edition"]},
    }


def _found(value, key: str | None = None, parent: str = ""):
    """Every scalar of an answer with its field and the object it stands in."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _found(item, name, key or parent)
    elif isinstance(value, list):
        for item in value:
            yield from _found(item, key, parent)
    elif value is not None:
        yield parent, key, value


@pytest.mark.parametrize("document", _DOCUMENTS)
async def test_a_tenant_sees_its_own_rows_only(library, document):
    """Roots, relationships, conditions, sorting, aggregates and keys all stay within the tenant."""
    for tenant in ("red", "blue", "green", "' or true --"):
        own = await _only(library, tenant)
        answer = await library.data(document, role="tenant", session={"x-hasura-tenant-id": tenant, "x-hasura-role": "admin"})
        for _, name, value in _found(answer):
            if name == "title":
                assert value in own["titles"]
            elif name == "id":
                assert value in own["articles"] | own["authors"]
            elif name == "count":
                assert value <= max(len(own["articles"]), len(own["authors"]))


async def test_order_of_hidden_rows_is_not_shown(library):
    """Sorting by an aggregate over a relationship counts permitted rows only."""
    query = "{ author(order_by: [{articles_aggregate: {count: desc}}, {id: desc}]) { id } }"
    answer = await library.data(query, role="reader")
    assert [row["id"] for row in answer["author"]] == [2, 5, 1, 4, 3]


async def test_a_missing_variable_matters_only_where_it_is_needed(library):
    """Without the session variable the table is closed, and other tables are not."""
    assert await library.error("{ author { id } }", role="tenant") == ("not-found", "$", 'missing session variable: "x-hasura-tenant-id"')
    assert await library.data("{ __typename }", role="tenant") == {"__typename": "query_root"}


async def test_the_session_cannot_write(library):
    """Whatever SQL reached the database, it would be refused: sessions are read-only."""
    with pytest.raises(Exception, match="database query error") as caught:
        await library.database.fetch("insert into tag values (9, 'x') returning id")
    assert caught.value.__cause__.sqlstate == "25006"
