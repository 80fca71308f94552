"""What a condition raises on a row tells of no row that the role does not see, however PostgreSQL would like to order the tests."""

import psycopg
import pytest

from towpath_read_engine.testing import Asker, asking

_SCHEMA = """
create table owner (id integer primary key, tenant text not null);
create table account (id integer primary key, owner_id integer not null references owner, amount integer not null, parts integer not null,
                      note text not null, shape point[] not null default '{}');
create index on account (note text_pattern_ops);
create view share as select id, owner_id, note, amount / parts as share from account;
create function worth(account) returns integer stable cost 0.01 language sql as 'select $1.amount / $1.parts';
create function fellows(account) returns setof account stable cost 0.01 language plpgsql as
    'begin perform 1 / $1.parts; return query select * from account where owner_id = $1.owner_id; end';
insert into owner values (1, 'mine'), (2, 'theirs');
insert into account select n, 1, n, 2, 'note ' || n from generate_series(1, 3) n;
"""
_HIDDEN = "insert into account select n, 2, n, 0, 'note ' || n from generate_series(10, 2000) n"
_GENERIC = 7
"""Calls after which PostgreSQL may have settled on one plan for all values."""
_DOCUMENTS = {
    "a computed field": "{ account(where: {worth: {_gt: 0}}) { id } }",
    "a computed field that is null": "{ account(where: {worth: {_is_null: true}}) { id } }",
    "rows of a computed field": "{ account(where: {fellows: {id: {_gt: 0}}}) { id } }",
    "a view's column": "{ share(where: {share: {_gte: 0}}) { id share } }",
    "a view's column, denied": "{ share(where: {_not: {share: {_lt: 0}}}) { id } }",
    "a view's column, or another": '{ share(where: {_or: [{share: {_lt: 0}}, {note: {_eq: "note 2"}}]}) { id } }',
    "a view's column within an aggregate": "{ share_aggregate(where: {share: {_gt: 0}}) { aggregate { count } } }",
    "over a relationship": "{ owner(where: {shares: {share: {_gt: 0}}}) { id } }",
    "over a relationship back": "{ account(where: {owner: {shares: {share: {_gt: 0}}}}) { id } }",
    "an aggregate of a relationship": """{
      owner(where: {shares_aggregate: {count: {predicate: {_gt: 0}, filter: {share: {_gt: 0}}}}}) { id }
    }""",
    "items that have no order": '{ account(where: {id: {_lt: 0}, shape: {_eq: ["(1,2)"]}}) { id } }',
    "a pattern that is none": '{ account(where: {id: {_lt: 0}, note: {_regex: "("}}) { id } }',
    "sorted by a computed field": "{ account(order_by: {worth: desc}) { id worth } }",
    "sorted through a relationship": "{ owner(order_by: {shares_aggregate: {max: {share: desc}}}) { id shares { share } } }",
    "an object of a view": "{ account { id twin { share } } }",
    "sorted by an object of a view": "{ account(order_by: {twin: {share: asc}}) { id } }",
}


def _metadata(filters: dict) -> dict:
    def table(name: str, *, many: bool = False, **more) -> dict:
        permission = {"columns": "*", "filter": filters[name], "allow_aggregations": True, **more.pop("permission", {})}
        return {"table": name, "select_permissions": [{"role": "member", "permission": permission}], **more}

    def by_columns(name: str, remote: str, near: str, far: str) -> dict:
        return {"name": name, "using": {"manual_configuration": {"remote_table": remote, "column_mapping": {near: far}}}}

    owner = by_columns("owner", "owner", "owner_id", "id")
    computed = [{"name": name, "definition": {"function": name}} for name in ("worth", "fellows")]
    tables = [
        table("owner", array_relationships=[by_columns("shares", "share", "id", "owner_id")]),
        table(
            "account",
            object_relationships=[owner, by_columns("twin", "share", "id", "id")],
            computed_fields=computed,
            permission={"computed_fields": ["worth"]},
        ),
        table("share", object_relationships=[owner]),
    ]
    return {"version": 3, "sources": [{"name": "default", "kind": "postgres", "tables": tables}]}


_TENANT = {"tenant": {"_eq": "X-Hasura-Tenant"}}
_FILTERS = {
    "a far table says it": {"owner": _TENANT, "account": {"owner": _TENANT}, "share": {"owner": _TENANT}},
    "a column says it": {"owner": {"id": {"_eq": 1}}, "account": {"owner_id": {"_eq": 1}}, "share": {"owner_id": {"_eq": 1}}},
}


@pytest.mark.parametrize("filters", _FILTERS.values(), ids=_FILTERS)
async def test_hidden_rows_change_no_answer(filters: dict, new_database):
    """Documents answer word for word the same without and with thousands of hidden rows on which they would fail."""
    url = new_database()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_SCHEMA)
        async with asking(url, _metadata(filters)) as asker:
            before = {name: await _ask(asker, document) for name, document in _DOCUMENTS.items()}
            connection.execute(_HIDDEN)
            connection.execute("analyze")
            for _ in range(_GENERIC):
                after = {name: await _ask(asker, document) for name, document in _DOCUMENTS.items()}
                assert after == before
    assert [name for name, answer in before.items() if "errors" in answer] == []


async def _ask(asker: Asker, document: str) -> dict:
    return await asker.ask(document, role="member", session={"x-hasura-tenant": "mine"})
