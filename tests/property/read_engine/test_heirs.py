"""Random permissions, put together in inherited roles, against a naive oracle: what each parent shows, joined in Python.

Nothing of a hidden row or cell may come out: not as a value, and not by a condition, a sort order or an aggregate.
"""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from towpath_read_engine.engine import Engine
from towpath_read_engine.metadata import parse
from towpath_read_engine.testing import Asker

COLUMNS = ("id", "name", "born", "country", "mentor_id")
SESSION = {"x-hasura-author-id": "2", "x-hasura-ids": "{1,5}"}
FILTERS: list[dict[str, Any]] = [
    {},
    {"id": "X-Hasura-Author-Id"},
    {"id": {"_in": "X-Hasura-Ids"}},
    {"id": {"_gt": 2}},
    {"country": {"_eq": "uk"}},
    {"_not": {"country": {"_eq": "uk"}}},
    {"born": {"_is_null": True}},
    {"mentor": {"name": {"_eq": "Ada"}}},
    {"mentor": {"id": {"_clt": ["$", "id"]}}},
    {"articles": {"published": False}},
    {"articles_aggregate": {"count": {"predicate": {"_gt": 1}}}},
    {"articles_aggregate": {"count": {"predicate": {"_gt": 0}, "filter": {"editor_id": {"_clt": ["$", "id"]}}}}},
    {"_exists": {"_table": "article", "_where": {"editor_id": {"_ceq": ["$", "id"]}}}},
    {"_or": [{"id": 1}, {"_and": [{"mentor_id": {"_eq": 1}}, {"born": {"_lt": "1900-01-01"}}]}]},
]
_permissions = st.builds(
    lambda columns, where: {"columns": sorted(columns), "filter": where},
    st.sets(st.sampled_from(COLUMNS), min_size=1),
    st.sampled_from(FILTERS),
)


def _document(parents: list[dict[str, Any]]) -> dict[str, Any]:
    foreign = {"foreign_key_constraint_on": {"table": "article", "column": "author_id"}}
    author = {
        "table": "author",
        "object_relationships": [{"name": "mentor", "using": {"foreign_key_constraint_on": "mentor_id"}}],
        "array_relationships": [{"name": "articles", "using": foreign}],
        "select_permissions": [{"role": f"p{i}", "permission": {**parent, "allow_aggregations": True}} for i, parent in enumerate(parents)],
    }
    names = [f"p{i}" for i in range(len(parents))]
    return {
        "version": 3,
        "sources": [{"kind": "postgres", "tables": [author, {"table": "article"}]}],
        "inherited_roles": [
            {"role_name": "some", "role_set": names[:2]},
            {"role_name": "heir", "role_set": ["some", *names[2:]]},
        ],
    }


async def _shown(library: Asker, where: dict[str, Any]) -> set[int]:
    """The rows of a filter, asked as a role that sees no more of them than their ids."""
    engine = Engine(library.database)
    await engine.load(parse(_document([{"columns": ["id"], "filter": where}] * 2)))
    answer = await Asker(engine, library.database).data("{ author { id } }", role="p0", session=SESSION)
    return {row["id"] for row in answer["author"]}


async def _expected(library: Asker, parents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What an heir of some parents sees, in the order of the ids."""
    everything = (await library.data(f"{{ author(order_by: {{id: asc}}) {{ {' '.join(COLUMNS)} }} }}"))["author"]
    rows = [await _shown(library, parent["filter"]) for parent in parents]
    columns = sorted({column for parent in parents for column in parent["columns"]})
    return [
        {
            column: row[column]
            if any(row["id"] in ids and column in parent["columns"] for ids, parent in zip(rows, parents, strict=True))
            else None
            for column in columns
        }
        for row in everything
        if any(row["id"] in ids for ids in rows)
    ]


def _sorted(rows: list[dict[str, Any]]) -> list[str]:
    return sorted(map(repr, rows))


@settings(deadline=None, max_examples=25, suppress_health_check=list(HealthCheck))
@given(parents=st.lists(_permissions, min_size=1, max_size=3), data=st.data())
async def test_an_heir_sees_what_some_parent_shows_and_no_more(library: Asker, parents: list[dict[str, Any]], data: st.DataObject) -> None:
    """Rows, cells, conditions on cells, sorting by them, and aggregates over them."""
    expected = await _expected(library, parents)
    columns = sorted({column for parent in parents for column in parent["columns"]})
    engine = Engine(library.database)
    schema = await engine.load(parse(_document(parents)))
    assert not schema.inconsistencies
    heir = Asker(engine, library.database)
    column = data.draw(st.sampled_from(columns))
    values = sorted({repr(row[column]): row[column] for row in await _everything(library, column)}.items())
    wanted = data.draw(st.sampled_from([value for _, value in values if value is not None]))
    page = data.draw(st.sampled_from(["", "limit: 9, ", "offset: 0, "]))
    types = {"id": "Int", "mentor_id": "Int", "born": "date", "name": "String", "country": "String"}
    query = f"""query ($v: {types[column]}!) {{
      all: author {{ {" ".join(columns)} }}
      equal: author(where: {{{column}: {{_eq: $v}}}}) {{ {" ".join(columns)} }}
      other: author(where: {{_not: {{{column}: {{_eq: $v}}}}}}) {{ {" ".join(columns)} }}
      null: author(where: {{{column}: {{_is_null: true}}}}) {{ {" ".join(columns)} }}
      sorted: author({page}order_by: {{{column}: asc_nulls_first}}) {{ {column} }}
      totals: author_aggregate({page}order_by: {{{column}: desc}}) {{
        aggregate {{ count values: count(columns: {column}) distinct: count(columns: {column}, distinct: true) max {{ {column} }} }}
        nodes {{ {" ".join(columns)} }}
      }}
    }}"""
    answer = await heir.data(query, {"v": wanted}, role="heir", session=SESSION)
    assert _sorted(answer["all"]) == _sorted(answer["totals"]["nodes"]) == _sorted(expected)
    assert _sorted(answer["equal"]) == _sorted([row for row in expected if row[column] == wanted])
    assert _sorted(answer["other"]) == _sorted([row for row in expected if row[column] not in (None, wanted)])
    assert _sorted(answer["null"]) == _sorted([row for row in expected if row[column] is None])
    shown = [row[column] for row in expected]
    values_shown = [value for value in shown if value is not None]
    in_order = [row[column] for row in answer["sorted"]]
    assert in_order[: len(shown) - len(values_shown)] == [None] * (len(shown) - len(values_shown))
    assert sorted(in_order, key=repr) == sorted(shown, key=repr)
    totals = answer["totals"]["aggregate"]
    assert (totals["count"], totals["values"], totals["distinct"]) == (len(shown), len(values_shown), len(set(values_shown)))
    assert totals["max"][column] in {*values_shown, None}
    assert (totals["max"][column] is None) == (not values_shown)


async def _everything(library: Asker, column: str) -> list[dict[str, Any]]:
    return list((await library.data(f"{{ author {{ {column} }} }}"))["author"])
