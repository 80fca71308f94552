"""One schema from three: what tools see at the one URL."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import (
    assert_valid_schema,
    build_client_schema,
    build_schema,
    get_introspection_query,
    introspection_from_schema,
    parse,
    validate,
)

from towpath_gateway.introspection import ANSWERS, REMEMBERED, merge_schemas
from towpath_gateway.pages import Pages
from towpath_service_kit import identity

QUERY = get_introspection_query(descriptions=True, specified_by_url=True, directive_is_repeatable=True, input_value_deprecation=True)


def _schema(data: Any) -> Any:
    schema = build_client_schema(data)
    assert_valid_schema(schema)
    return schema


async def test_the_whole_of_all_three_sides(harness: Any) -> None:
    """Tables, business fields, mutations and subscriptions stand in one valid schema, and tables can be subscribed to."""
    schema = _schema(await harness.data(QUERY))
    assert (schema.query_type.name, schema.mutation_type.name, schema.subscription_type.name) == ("Query", "Mutation", "Subscription")
    assert {"flow", "flow_by_pk", "hello", "api", "auth_info"} <= schema.query_type.fields.keys()
    assert {"create_flow_run", "report_run"} <= schema.mutation_type.fields.keys()
    assert {"flow_run", "flow_by_pk", "log_stream", "agent_work", "live"} <= schema.subscription_type.fields.keys()
    assert not {"hello", "tenant", "log"} & schema.subscription_type.fields.keys(), "the role may not subscribe to these"
    assert "catch" not in schema.query_type.fields
    assert "catch" in schema.subscription_type.fields
    assert {"UUID", "uuid", "JSON", "jsonb", "DateTime", "timestamptz"} <= schema.type_map.keys()
    assert "query_root" not in schema.type_map
    good = "query($id: uuid!, $run: UUID!) { flow_by_pk(id: $id) { name } get_task_run_info(task_run_id: $run) { id } }"
    assert validate(schema, parse(good)) == []
    assert validate(schema, parse("{ flow { nonsense } }")) != []
    assert validate(schema, parse("subscription { flow_run { id } }")) == []
    stream = "flow_run_stream(batch_size: 5, cursor: [{initial_value: {id: $id}, ordering: DESC}]) { id }"
    assert validate(schema, parse(f"subscription($id: uuid!) {{ {stream} }}")) == []
    assert validate(schema, parse(f"query($id: uuid!) {{ {stream} }}")) != []


async def test_parts_of_it_and_in_company(harness: Any) -> None:
    """`__type` with a literal or a variable; beside tables and business fields, in the document's order; a wrong one is refused."""
    harness.read.tables["flow"] = [{"id": "1", "name": "a"}]
    names = {}
    for name in ("flow", "UUID", "nobody"):
        names[name] = (await harness.data(f'{{ __type(name: "{name}") {{ kind name }} }}'))["__type"]
    assert names == {"flow": {"kind": "OBJECT", "name": "flow"}, "UUID": {"kind": "SCALAR", "name": "UUID"}, "nobody": None}
    query = "query($n: String!) { flow { name } s: __schema { queryType { ...N } } t: __type(name: $n) { ...N } hello __typename } "
    data = await harness.data(query + "fragment N on __Type { name }", {"n": "log"})
    assert data == {
        "flow": [{"name": "a"}],
        "s": {"queryType": {"name": "Query"}},
        "t": {"name": "log"},
        "hello": "ahoy",
        "__typename": "Query",
    }
    assert list(data) == ["flow", "s", "t", "hello", "__typename"]
    assert await harness.error("{ __schema { nonsense } }") == (400, "VALIDATION_FAILED")
    assert await harness.data("{ __schema { queryType { name } } __typename }") == {
        "__schema": {"queryType": {"name": "Query"}},
        "__typename": "Query",
    }


async def test_a_role_sees_its_own_schema(make: Any) -> None:
    """The read back end is asked with the caller's role, once for each for some minutes."""
    harness = await make(auth=True)
    for role in ("operator", "viewer"):
        key = identity.make_api_key()
        harness.business.keys[identity.hash_api_key(key)] = {
            "tenant_id": "01930000-0000-7000-8000-000000000001",
            "role": role,
            "actor": role,
        }
        for _ in range(ANSWERS + 2):
            await harness.data(QUERY, authorization=f"Bearer {key}")
            await harness.data("{ __schema { queryType { name } } }", authorization=f"Bearer {key}")
    assert [s.headers["x-hasura-role"] for s in harness.read.seen] == ["operator", "viewer"]


async def test_a_schema_is_looked_at_again_after_a_while(harness: Any) -> None:
    """What has changed is seen after some minutes; while the read back end is away, what was seen last is shown."""
    await harness.data("{ __schema { queryType { name } } }")
    harness.read.schema = build_schema("type query_root { boat: Int } schema { query: query_root }")
    assert (await harness.data('{ __type(name: "flow") { name } }'))["__type"] == {"name": "flow"}
    harness.clock.advance(REMEMBERED)
    harness.read.status = 503
    assert (await harness.data('{ __type(name: "flow") { name } }'))["__type"] == {"name": "flow"}
    harness.read.status = 200
    assert (await harness.data('{ __type(name: "flow") { name } }'))["__type"] is None
    assert "boat" in _schema(await harness.data(QUERY)).query_type.fields


async def test_without_the_read_back_end_it_says_so(make: Any) -> None:
    """A schema that was never seen is not made up; switched off, it is refused."""
    harness = await make()
    harness.read.status = 503
    assert await harness.error(QUERY) == (503, "UNAVAILABLE")
    off = await make(introspection=False)
    assert await off.error(QUERY) == (403, "FORBIDDEN")
    assert await off.data("{ __typename }") == {"__typename": "Query"}


def test_types_of_one_name_become_one() -> None:
    """Both sides' fields and values are in it, a field of both as the first has it; kinds that do not go together: the first."""
    read = build_schema(
        "schema { query: query_root subscription: subscription_root } type query_root { a: both e: colour b: Int }"
        " type subscription_root { a: both e: colour b: Int } type both { id: Int! x: Int } enum colour { red }"
    )
    business = build_schema(
        "type Query { b: both i(c: colour, o: only): Int } type Mutation { m: Int }"
        " type both { id: String y: Int } enum colour { red blue } input only { z: Int }"
    )
    own = build_schema("type Query { hello: Int } type Subscription { s: Int }")
    parts = [dict(introspection_from_schema(schema)["__schema"]) for schema in (read, business, own)]
    schema = _schema({"__schema": merge_schemas(*parts)})
    assert {name: str(f.type) for name, f in schema.type_map["both"].fields.items()} == {"id": "Int!", "x": "Int", "y": "Int"}
    assert list(schema.type_map["colour"].values) == ["red", "blue"]
    assert set(schema.subscription_type.fields) == {"s", "a", "e"}
    clash = build_schema("type Query { b(o: both): Int } type Mutation { m: Int } input both { id: Int }")
    parts[1] = dict(introspection_from_schema(clash)["__schema"])
    assert str(_first_kind(merge_schemas(*parts))) == "OBJECT"


def _first_kind(schema: Any) -> str:
    return next(t["kind"] for t in schema["types"] if t["name"] == "both")


@pytest.mark.parametrize(("auth", "setting", "status"), [(False, None, 200), (True, None, 404), (True, "on", 200), (False, "off", 404)])
async def test_the_page_for_trying_out(make: Any, tmp_path: Any, auth: bool, setting: str | None, status: int) -> None:
    """GraphiQL is there on a gateway without keys, or where it is switched on; under no other name either."""
    from towpath_gateway.config import Config

    env = {"TOWPATH_IDENTITY_SECRET": "a" * 16, "TOWPATH_AUTH": "on" if auth else "off"}
    config = Config.from_env({**env, **({"TOWPATH_GRAPHIQL": setting} if setting else {})})
    (tmp_path / "graphiql.html").write_text("<title>GraphiQL</title>")
    (tmp_path / "index.html").write_text("<title>Towpath</title>")
    harness = await make(pages=Pages(tmp_path, graphiql=config.graphiql))
    for path in ("/graphiql", "/graphiql/", "/graphiql.html"):
        answer = await harness.client.get(path)
        assert answer.status_code == status, path
        assert ("GraphiQL" in answer.text) is (status == 200)
        assert "font-src 'self' data:" in answer.headers["content-security-policy"]
        assert "script-src 'self';" in answer.headers["content-security-policy"]
    assert "Towpath" in (await harness.client.get("/")).text
    only = await make(pages=Pages(tmp_path, ui=False, graphiql=True))
    assert (await only.client.get("/graphiql")).status_code == 200
    assert (await only.client.get("/")).status_code == 404
