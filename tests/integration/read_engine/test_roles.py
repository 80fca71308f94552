"""Permissions on real rows: inherited roles, session variables in lists, kinds of root fields, and what makes no sense."""

from __future__ import annotations

from typing import Any

import pytest

from towpath_read_engine.engine import Engine, EngineSettings
from towpath_read_engine.metadata import parse
from towpath_read_engine.testing import asking


def _permission(role: str, columns: Any, where: dict | None = None, **more: Any) -> dict:
    return {"role": role, "permission": {"columns": columns, "filter": where or {}, **more}}


def _document(author: list[dict], article: list[dict] = (), inherited: dict[str, list[str]] | None = None) -> dict:
    """The library's two large tables, with these select permissions."""
    foreign = {"foreign_key_constraint_on": {"table": "article", "column": "author_id"}}
    return {
        "version": 3,
        "sources": [
            {
                "kind": "postgres",
                "tables": [
                    {
                        "table": "author",
                        "object_relationships": [{"name": "mentor", "using": {"foreign_key_constraint_on": "mentor_id"}}],
                        "array_relationships": [{"name": "articles", "using": foreign}],
                        "select_permissions": list(author),
                    },
                    {
                        "table": "article",
                        "object_relationships": [{"name": "author", "using": {"foreign_key_constraint_on": "author_id"}}],
                        "select_permissions": list(article),
                    },
                ],
            }
        ],
        "inherited_roles": [{"role_name": name, "role_set": parents} for name, parents in (inherited or {}).items()],
    }


_BRITON = _permission("briton", ["id", "name", "country"], {"country": {"_eq": "uk"}}, limit=1)
_SELF = _permission("self", ["id", "born", "mentor_id"], {"id": {"_eq": "X-Hasura-User-Id"}}, limit=3, allow_aggregations=True)
_HEIR = _document([_BRITON, _SELF], [_permission("self", ["id", "title"])], {"heir": ["briton", "self", "unknown"]})
_FIVE = {"x-hasura-user-id": "5"}


async def test_an_inherited_role_sees_the_rows_of_its_parents_and_the_cells_they_show(library_url):
    """Rows are joined by OR; a cell is null where no parent that has the column shows the row; the larger limit counts."""
    async with asking(library_url, _HEIR) as library:
        ask = {"role": "heir", "session": _FIVE}
        answer = await library.data("{ author(order_by: {id: asc}) { id name born country } }", **ask)
        assert answer["author"] == [
            {"id": 1, "name": "Ada", "born": None, "country": "uk"},
            {"id": 2, "name": "Brontë", "born": None, "country": "uk"},
            {"id": 5, "name": None, "born": "1895-12-14", "country": None},
        ]
        assert await library.data("{ author_by_pk(id: 3) { id } }", **ask) == {"author_by_pk": None}
        assert (await library.data("{ author(limit: 9) { articles { title } } }", **ask))["author"][2] == {
            "articles": [{"title": "Liberté"}]
        }
        assert await library.error("{ author { id } }", role="heir") == ("not-found", "$", 'missing session variable: "x-hasura-user-id"')


@pytest.mark.parametrize(
    ("arguments", "ids"),
    [
        ('where: {name: {_eq: "Éluard"}}', []),
        ('where: {name: {_neq: "Ada"}}', [2]),
        ("where: {name: {_is_null: true}}", [5]),
        ('where: {born: {_lt: "1900-01-01"}}', [5]),
        ("where: {_not: {country: {_is_null: false}}}", [5]),
        ("order_by: [{name: desc_nulls_first}, {id: asc}]", [5, 2, 1]),
        ("order_by: [{born: asc_nulls_last}, {id: desc}]", [5, 2, 1]),
        ("distinct_on: country, order_by: [{country: asc}, {id: desc}]", [2, 5]),
    ],
)
async def test_a_hidden_cell_cannot_be_found_out(library_url, arguments, ids):
    """Conditions, sorting and distinct see what the role sees, or a hidden value could be guessed through them."""
    async with asking(library_url, _HEIR) as library:
        answer = await library.data(f"{{ author({arguments}) {{ id }} }}", role="heir", session=_FIVE)
        assert [row["id"] for row in answer["author"]] == ids


async def test_aggregates_count_shown_cells_only(library_url):
    """max, min and count over a column leave hidden cells out, paged or not, at a root or under a row."""
    async with asking(library_url, _HEIR) as library:
        fields = "aggregate { count names: count(columns: name) max { name born id } } nodes { name mentor { name born } }"
        query = f"{{ author_aggregate {{ {fields} }} page: author_aggregate(limit: 3, order_by: {{id: desc}}) {{ {fields} }} }}"
        answer = await library.data(query, role="heir", session=_FIVE)
        for key in ("author_aggregate", "page"):
            totals = answer[key]["aggregate"]
            assert totals == {"count": 3, "names": 2, "max": {"name": "Brontë", "born": "1895-12-14", "id": 5}}
        assert {"name": "Brontë", "mentor": {"name": "Ada", "born": None}} in answer["page"]["nodes"]


async def test_an_inherited_role_in_the_schema(library_url):
    """A column that is not shown everywhere may be null; one that every parent shows keeps its type."""
    async with asking(library_url, _HEIR) as library:
        answer = await library.data('{ __type(name: "author") { fields { name type { kind name } } } }', role="heir")
        kinds = {item["name"]: item["type"]["kind"] for item in answer["__type"]["fields"]}
        assert (kinds["id"], kinds["name"], kinds["born"]) == ("NON_NULL", "SCALAR", "SCALAR")


async def test_a_permission_of_its_own_wins_and_heirs_have_heirs(library_url):
    """An explicit permission replaces what would be inherited on that table, for further heirs, too."""
    document = _document(
        [_BRITON, _SELF, _permission("heir", ["id"], {"id": {"_gt": 3}})],
        [_permission("self", ["id", "title"], limit=1)],
        {"grandchild": ["heir"], "heir": ["briton", "self"]},
    )
    async with asking(library_url, document) as library:
        for role in ("heir", "grandchild"):
            answer = await library.data("{ author { id } article { title } }", role=role)
            assert ([row["id"] for row in answer["author"]], len(answer["article"])) == ([4, 5], 1)
            assert (await library.error("{ author { name } }", role=role))[0] == "validation-failed"


@pytest.mark.parametrize(
    ("where", "session", "ids"),
    [
        ({"id": {"_in": ["X-Hasura-User-Id", 2]}}, {"x-hasura-user-id": "5"}, [2, 5]),
        ({"id": {"_in": [1, 4]}}, {}, [1, 4]),
        ({"id": {"_nin": "X-HASURA-IDS"}}, {"x-hasura-ids": "{1,2,3}"}, [4, 5]),
        ({"name": {"$in": ["x-hasura-a", "x-hasura-b"]}}, {"x-hasura-a": 'D\'Arc "the 1st" \\ %_', "x-hasura-b": "Ada"}, [1, 4]),
        ({"settings": {"_has_key": "X-Hasura-Key"}}, {"x-hasura-key": "size"}, [1, 5]),
        ({"settings": {"_has_keys_any": "X-Hasura-Keys"}}, {"x-hasura-keys": "{nested,tags}"}, [1, 4]),
        ({"settings": {"$has_keys_all": ["X-Hasura-Key", "tags"]}}, {"x-hasura-key": "theme"}, [1]),
        ({"settings": {"_contains": "X-Hasura-Part"}}, {"x-hasura-part": '{"size": 10}'}, [5]),
        ({"settings": {"_contains": {"theme": "light"}}}, {}, [2]),
        ({"_not": {"mentor": {"name": {"_ilike": "X-Hasura-Name"}}}}, {"x-hasura-name": "ada%"}, [1, 4, 5]),
        ({"id": {"_cgte": "mentor_id"}, "mentor": {"id": {"_cne": ["$", "id"]}}}, {}, [2, 3, 4]),
        ({"_or": [{"id": 1}, {"_and": [{"id": {"_gt": 4}}, {"country": {"_is_null": False}}]}]}, {}, [1, 5]),
        ({"_exists": {"_table": "article", "_where": {"views": {"_gt": "X-Hasura-Views"}}}}, {"x-hasura-views": "1000"}, [1, 2, 3, 4, 5]),
        ({"_exists": {"_table": {"name": "article"}, "_where": {"views": {"_lt": 0}}}}, {}, []),
        ({"id": {"_in": []}}, {}, []),
        ({"articles_aggregate": {"count": {"predicate": {"_gt": 1}}}}, {}, [1, 2]),
        ({"articles_aggregate": {"count": {"arguments": "*", "predicate": {"_eq": "X-Hasura-N"}}}}, {"x-hasura-n": "0"}, [4]),
        ({"articles_aggregate": {"count": {"arguments": ["editor_id"], "distinct": True, "predicate": {"$in": [1, 5]}}}}, {}, [1, 5]),
        ({"articles_aggregate": {"count": {"predicate": {"_eq": 1}, "filter": {"published": False}}}}, {}, [1, 3]),
        ({"articles_aggregate": {"bool_and": {"arguments": "published", "predicate": {"_eq": False}}}}, {}, [1, 3]),
        ({"articles_aggregate": {"count": {"filter": {"editor_id": {"_ceq": ["$", "id"]}}, "predicate": {"_gt": 0}}}}, {}, []),
        ({"articles_aggregate": {"count": {"filter": {"editor_id": {"_clt": ["$", "id"]}}, "predicate": {"_gt": 0}}}}, {}, [2, 5]),
        (
            {
                "articles": {
                    "author": {"articles_aggregate": {"count": {"filter": {"editor_id": {"_cgt": ["$", "id"]}}, "predicate": {"_eq": 1}}}}
                }
            },
            {},
            [1, 2],
        ),
    ],
)
async def test_filters(library_url, where, session, ids):
    """Session variables of any case stand wherever a value stands, also in lists and beside constants."""
    async with asking(library_url, _document([_permission("someone", ["id"], where)])) as library:
        answer = await library.data("{ author(order_by: {id: asc}) { id } }", role="someone", session=session)
        assert [row["id"] for row in answer["author"]] == ids
        if session:
            code, path, message = await library.error("{ author { id } }", role="someone")
            assert (code, path, message.startswith("missing session variable")) == ("not-found", "$", True)


async def test_root_fields_can_be_taken_away(library_url):
    """A table without a root is reached through its relationships only; a role without any root has the one field that says so."""
    only = {"query_root_fields": [], "subscription_root_fields": ["select"]}
    document = _document(
        [_permission("hidden", ["id", "name"], **only), _permission("picky", ["id"], query_root_fields=["select_by_pk"])],
        [_permission("hidden", ["id", "title"], query_root_fields=["select_by_pk", "select"])],
    )
    async with asking(library_url, document) as library:
        query = "{ article(limit: 1, order_by: {title: asc}) { author { name } } }"
        assert await library.data(query, role="hidden") == {"article": [{"author": {"name": "Brontë"}}]}
        assert (await library.error("{ author { id } }", role="hidden"))[2] == "field 'author' not found in type: 'query_root'"
        assert await library.data("{ author_by_pk(id: 1) { id } }", role="picky") == {"author_by_pk": {"id": 1}}
        assert (await library.error("{ author { id } }", role="picky"))[0] == "validation-failed"
    async with asking(library_url, _document([_permission("hidden", ["id"], query_root_fields=[])])) as library:
        for role in ("hidden", "nobody"):
            assert (await library.error("{ author { id } }", role=role))[0] == "validation-failed"
            names = await library.data("{ __schema { queryType { fields { name } } } }", role=role)
            assert names["__schema"]["queryType"]["fields"] == [{"name": "no_queries_available"}]


async def test_a_role_without_columns_can_count(library_url):
    """A permission without columns but with aggregations lets the role count rows, without naming columns."""
    async with asking(library_url, _document([_permission("counter", [], allow_aggregations=True)])) as library:
        assert await library.data("{ author_aggregate { aggregate { count } } }", role="counter") == {
            "author_aggregate": {"aggregate": {"count": 5}}
        }
        code, path, message = await library.error("{ author_aggregate { aggregate { count(columns: id) } } }", role="counter")
        assert (code, message) == ("validation-failed", "'count' has no argument named 'columns'")
        assert path == "$.selectionSet.author_aggregate.selectionSet.aggregate.selectionSet.count"
        assert (await library.error("{ author_aggregate { aggregate { max { id } } } }", role="counter"))[0] == "validation-failed"


@pytest.mark.parametrize(
    ("permission", "word"),
    [
        (_permission("r", ["id"], {"nothing": {"_eq": 1}}), "nothing"),
        (_permission("r", ["id"], {"id": {"_frobs": 1}}), "_frobs"),
        (_permission("r", ["id"], {"id": {"_eq": None}}), "null"),
        (_permission("r", ["id"], {"_exists": {"_where": {}}}), "malformed"),
        (_permission("r", ["id"], {"_exists": {"_table": "tag", "_where": {}}}), "not tracked"),
        (_permission("r", ["id"], {"id": {"_ceq": "nowhere"}}), "nowhere"),
        (_permission("r", ["id"], {"_and": 5}), "object"),
        (_permission("r", ["id"], {"id": {"_in": [1, {}]}}), "wrong value"),
        *(
            (_permission("r", ["id"], {"articles_aggregate": aggregate}), word)
            for aggregate, word in [
                ({"$count": {"predicate": {"_eq": 0}}}, "$count"),
                ({"count": {"predicate": 1}}, "predicate"),
                ({"count": {}}, "malformed"),
                ({"count": {"predicate": {"_eq": 1}, "where": {}}}, "where"),
                ({"count": {"predicate": {"_eq": 1}, "filter": []}}, "object"),
                ({"count": {"predicate": {"_eq": 1}, "distinct": "yes"}}, "distinct"),
                ({"count": {"predicate": {"_eq": 1}, "arguments": ["nowhere"]}}, "nowhere"),
                ({"count": {"predicate": {"_like": "x"}}}, "_like"),
                ({"bool_and": {"predicate": {"_eq": True}}}, "names None"),
                ({"bool_and": {"predicate": {"_eq": True}, "arguments": ["published", "published"]}}, "one column"),
                ({"bool_and": {"predicate": {"_eq": True}, "arguments": "title"}}, "title"),
                ({"corr": {"predicate": {"_gt": 0}, "arguments": "rating"}}, "X and Y"),
                ({"corr": {"predicate": {"_gt": 0}, "arguments": {"X": "rating", "Y": "views"}}}, "rating"),
                ({"stddev": {"predicate": {"_gt": 0}, "arguments": "rating"}}, "stddev"),
                ([], "malformed"),
            ]
        ),
        (_permission("r", ["id"], {"mentor_aggregate": {"count": {"predicate": {"_eq": 1}}}}), "mentor_aggregate"),
    ],
)
async def test_a_filter_that_makes_no_sense_closes_the_table(library_url, library, permission, word):
    """Such a permission gives nothing, is named among the inconsistencies, and leaves the others alone."""
    engine = Engine(library.database)
    schema = await engine.load(parse(_document([permission, _BRITON])))
    (problem,) = schema.inconsistencies
    assert problem.kind == "select_permission"
    assert word in problem.reason
    assert schema.role("r").roots["query"] == {}
    assert set(schema.role("briton").roots["query"]) == {"author", "author_by_pk"}


async def test_unknown_columns_and_roles_that_inherit_themselves(library):
    """Both are named; what is left of them is served, which is less than was meant and never more."""
    document = _document([_permission("r", ["id", "nowhere"])], [], {"a": ["b", "r"], "b": ["a"]})
    schema = await Engine(library.database).load(parse(document))
    assert [item.kind for item in schema.inconsistencies] == ["select_permission", "inherited_role"]
    assert set(schema.role("a").roots["query"]) == {"author", "author_by_pk"}


async def test_an_inherited_role_calls_what_any_parent_may_call(library_url):
    """Where function permissions are not inferred, one parent's is enough, also a grandparent's; nobody else may call."""
    document = _document(
        [],
        [_permission("self", ["title"]), _permission("searcher", ["title"])],
        {"heir": ["self", "searcher"], "grandchild": ["heir"], "b": ["self"]},
    )
    document["sources"][0]["functions"] = [{"function": "search_articles", "permissions": [{"role": "searcher"}]}]
    query = '{ search_articles(args: {search: "engines"}) { title } }'
    async with asking(library_url, document, EngineSettings(infer_function_permissions=False)) as library:
        for role in ("searcher", "heir", "grandchild", "admin"):
            assert await library.data(query, role=role) == {"search_articles": [{"title": "Engines"}]}
        for role in ("self", "b", "nobody"):
            assert (await library.error(query, role=role))[2] == "field 'search_articles' not found in type: 'query_root'"


async def test_a_cell_is_shown_by_the_aggregate_that_shows_the_row(library_url):
    """What decides over a hidden cell may be counted elsewhere, and compared with a column that nobody asked for."""
    several = {"articles_aggregate": {"count": {"filter": {"editor_id": {"_clt": ["$", "id"]}}, "predicate": {"_eq": 1}}}}
    document = _document([_permission("plain", ["id"]), _permission("edited", ["name"], several)], [], {"heir": ["plain", "edited"]})
    async with asking(library_url, document) as library:
        for arguments in ("order_by: {id: asc}", "order_by: {id: asc}, limit: 5"):
            answer = await library.data(f"{{ author({arguments}) {{ name }} }}", role="heir")
            assert [row["name"] for row in answer["author"]] == [None, "Brontë", None, None, "Éluard"]
        totals = await library.data("{ author_aggregate(limit: 5) { aggregate { count(columns: name) } } }", role="admin")
        assert totals["author_aggregate"]["aggregate"]["count"] == 5


async def test_a_caller_without_a_role_is_nobody(library):
    """The empty role sees nothing, whatever documents were answered before."""
    query = "{ author(limit: 1) { id } }"
    assert await library.data(query) == {"author": [{"id": 1}]}
    for role in ("", " ", "nobody"):
        assert (await library.error(query, role=role))[0] == "validation-failed"


@pytest.mark.parametrize(
    ("configuration", "clash"),
    [
        ({"custom_name": "author"}, "author"),
        ({"custom_root_fields": {"select": "author"}}, "author"),
        ({"custom_root_fields": {"select_by_pk": "author_aggregate"}}, "author_aggregate"),
        ({"custom_root_fields": {"select": "x", "select_aggregate": "x"}}, "x"),
    ],
)
async def test_two_tables_do_not_share_a_name(library, configuration, clash):
    """The second one is named among the inconsistencies, and no filter that walks to it opens anything."""
    document = _document([_permission("r", ["id"], {"articles": {"id": {"_is_null": False}}}), _BRITON], [_permission("r", ["id"])])
    document["sources"][0]["tables"][1]["configuration"] = configuration
    schema = await Engine(library.database).load(parse(document))
    kinds = {item.kind: item.reason for item in schema.inconsistencies}
    assert set(kinds) == {"table", "array_relation", "select_permission"}
    assert f"the name {clash}," in kinds["table"]
    assert schema.role("r").roots["query"] == {}
    assert set(schema.role("briton").roots["query"]) == {"author", "author_by_pk"}


async def test_a_column_and_a_computed_field_of_one_name_are_two_things(library_url):
    """Who may see the computed field does not see the column that bears its name in the database."""
    document = _document(
        [_permission("columns", ["name"], {"id": 1}), _permission("fields", ["id"], {"id": {"_gt": 1}}, computed_fields=["name"])],
        [],
        {"heir": ["columns", "fields"]},
    )
    table = document["sources"][0]["tables"][0]
    table["configuration"] = {"custom_column_names": {"name": "called"}}
    table["computed_fields"] = [{"name": "name", "definition": {"function": "author_label"}}]
    async with asking(library_url, document) as library:
        rows = (await library.data("{ author { called name } }", role="heir"))["author"]
        assert len(rows) == 5
        assert [row for row in rows if row["called"]] == [{"called": "Ada", "name": None}]
        assert {"called": None, "name": "Brontë (uk)"} in rows


async def test_every_caller_has_its_role_as_a_variable(library_url):
    """`X-Hasura-Role` in a filter is the role that asks, whatever it claims."""
    async with asking(library_url, _document([_permission("Ada", ["id"], {"name": "X-Hasura-Role"})])) as library:
        for session in ({}, {"x-hasura-role": "Brontë"}):
            assert await library.data("{ author { id } }", role="Ada", session=session) == {"author": [{"id": 1}]}


@pytest.mark.parametrize(
    "condition", ['{name: {_regex: "("}}', '{name: {_like: "B%\\\\"}}', '{settings: {_cast: {String: {_regex: "("}}}}']
)
async def test_an_error_tells_of_no_hidden_row(library_url, condition):
    """Whether a condition fails does not depend on rows that the role may not see, also when PostgreSQL has settled on one plan."""
    columns = ["id", "name", "settings"]
    async with asking(library_url, _document([_permission("briton", columns, {"country": {"_eq": "X-Hasura-Country"}})])) as library:
        query = f"query ($name: String!) {{ author(where: {{_and: [{{name: {{_eq: $name}}}}, {condition}]}}) {{ id }} }}"
        for _ in range(8):
            hidden, missing = [
                await library.ask(query, {"name": name}, role="briton", session={"x-hasura-country": "fr"}) for name in ("Brontë", "Nobody")
            ]
            assert hidden == missing
        shown = await library.ask(query, {"name": "Brontë"}, role="briton", session={"x-hasura-country": "uk"})
        assert shown["errors"][0]["extensions"]["code"] in ("data-exception", "bad-request")
