"""Random documents against Towpath's own tables and metadata, with two tenants in them: no row, count or word crosses over.

The documents are drawn from the schema that introspection gives to the role, so every root, relationship, argument and operator
that a role has comes up, and each must be answered or refused with a code of the dialect: an "unexpected" one would be a
statement that PostgreSQL does not take.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import psycopg
import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    build_client_schema,
    get_introspection_query,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from towpath_read_engine.engine import EngineSettings
from towpath_read_engine.testing import Asker, asking

HERE = Path(__file__).parents[2]
METADATA = HERE.parent / "services" / "hasura" / "metadata"
SEED = HERE / "conformance" / "dashboards" / "seed.sql"
OURS, FOREIGN = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-0000000000ff"
RUNS = {OURS: "10000000-0000-4000-8000-000000000001", FOREIGN: "10000000-0000-4000-8000-0000000000ff"}
WORDS = {
    OURS: ("foreign", "0000000000ff"),
    FOREIGN: ("tow", "drift", "Canals", "heron", "mallard", "horse", "c0000000-0000-4000-8000-000000000002"),
}
"""What must not be in an answer to this tenant."""

REFUSALS = {"validation-failed", "parse-failed", "not-supported", "data-exception", "bad-request"}
_IDS = [f"{letter}0000000-0000-4000-8000-0000000000{end}" for letter in "abcd123" for end in ("01", "02", "ff")]
_SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "Int": st.integers(-2, 5),
    "bigint": st.integers(-2, 5),
    "Boolean": st.booleans(),
    "uuid": st.sampled_from([*_IDS, OURS, FOREIGN]),
    "_uuid": st.lists(st.sampled_from(_IDS), max_size=2).map(lambda ids: "{" + ",".join(ids) + "}"),
    "timestamptz": st.sampled_from(["2026-02-01T08:00:05Z", "2099-01-01", "infinity"]),
    "jsonb": st.sampled_from([{}, [], ["horse"], {"message": "foreign"}, "foreign", 1, None]),
    "interval": st.sampled_from(["90 seconds", "1 day"]),
    "float8": st.sampled_from([0, 1.5]),
}
_TEXTS = st.sampled_from(["foreign", "%", "%o%", "Failed", "tow", "'", '"', "\\", "$1", "'; select 1 --", "x-hasura-tenant-id", ""])


class _Documents:
    """Draws documents that fit a schema."""

    def __init__(self, draw: st.DrawFn, schema: GraphQLSchema) -> None:
        self._draw = draw
        self._schema = schema

    def document(self) -> str:
        assert self._schema.query_type is not None
        return "{ " + self._selections(self._schema.query_type, 0) + " }"

    def _some(self, items: list[Any], most: int) -> list[Any]:
        return self._draw(st.lists(st.sampled_from(items), min_size=1, max_size=most, unique_by=id))

    def _selections(self, kind: GraphQLObjectType, depth: int) -> str:
        possible = _possible(kind)
        leaves = [name for name, field in possible.items() if not isinstance(_bare(field.type), GraphQLObjectType)]
        names = (leaves if depth > 3 and leaves else list(possible)) or ["__typename"]
        parts = ["__typename"] if self._draw(st.integers(0, 9)) == 0 else []
        for number, name in enumerate(self._some(names, 1 if depth == 0 else 3)):
            if name == "__typename":
                parts.append(name)
                continue
            field = kind.fields[name]
            inner = _bare(field.type)
            text = f"a{number}: {name}" if self._draw(st.booleans()) else name
            text += self._arguments(field.args)
            if isinstance(inner, GraphQLObjectType):
                text += " { " + self._selections(inner, depth + 1) + " }"
            parts.append(text)
        return " ".join(parts)

    def _arguments(self, arguments: dict[str, Any]) -> str:
        chosen = [name for name, item in arguments.items() if isinstance(item.type, GraphQLNonNull) or self._draw(st.integers(0, 2)) == 0]
        written = ", ".join(f"{name}: {self._value(arguments[name].type, 0)}" for name in chosen)
        return f"({written})" if written else ""

    def _value(self, kind: Any, depth: int) -> str:
        if isinstance(kind, GraphQLNonNull):
            return self._value(kind.of_type, depth)
        if isinstance(kind, GraphQLList):
            items = [self._value(kind.of_type, depth + 1) for _ in range(self._draw(st.integers(0, 2)))]
            return "[" + ", ".join(items) + "]"
        if isinstance(kind, GraphQLEnumType):
            return self._draw(st.sampled_from(sorted(kind.values)))
        if isinstance(kind, GraphQLInputObjectType):
            possible = _possible(kind)
            needed = [name for name, field in possible.items() if isinstance(field.type, GraphQLNonNull)]
            shallow = [name for name, field in possible.items() if depth < 4 or not isinstance(_bare(field.type), GraphQLInputObjectType)]
            chosen = dict.fromkeys([*needed, *(self._some(shallow, 2) if shallow else [])])
            return "{" + ", ".join(f"{name}: {self._value(kind.fields[name].type, depth + 1)}" for name in chosen) + "}"
        return _literal(self._draw(_SCALARS.get(kind.name, _TEXTS)))


def _possible(kind: Any) -> dict[str, Any]:
    """The fields of a type, without the greatest and least of what PostgreSQL cannot compare so: uuids, before version 18."""
    if not re.search(r"_(max|min)_(fields|order_by)$", kind.name):
        return dict(kind.fields)
    return {name: field for name, field in kind.fields.items() if (name != "id" and not name.endswith("_id")) or name == "version_group_id"}


def _bare(kind: Any) -> Any:
    while isinstance(kind, (GraphQLNonNull, GraphQLList)):
        kind = kind.of_type
    return kind


def _literal(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_literal(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_literal, value)) + "]"
    return json.dumps(value)


def _fill(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute((files("towpath_graphql") / "sql" / "schema.sql").read_text(encoding="utf-8"))
        connection.execute("insert into tenant (id, name, slug) values (%s, 'Ours', 'ours')", (OURS,))
        connection.execute(SEED.read_text(encoding="utf-8"))


_SCHEMAS: dict[str, GraphQLSchema] = {}


async def _schema(engine: Asker, role: str) -> GraphQLSchema:
    """The schema of a role, read once."""
    if role not in _SCHEMAS:
        _SCHEMAS[role] = build_client_schema(await engine.data(get_introspection_query(), role=role))
    return _SCHEMAS[role]


@pytest.fixture
async def towpath(postgres_server, new_template) -> AsyncIterator[Asker]:
    """An engine on Towpath's tables with the dashboards' two tenants in them."""
    url = postgres_server.dsn(new_template("read_engine_two_tenants", _fill))
    async with asking(url, METADATA, EngineSettings(null_collapse=True)) as engine:
        yield engine


def _session(tenant: str) -> dict[str, str]:
    return {"x-hasura-tenant-id": tenant, "x-hasura-run-id": RUNS[tenant]}


@st.composite
def _documents(draw: st.DrawFn, schema: GraphQLSchema) -> str:
    return _Documents(draw, schema).document()


@pytest.mark.parametrize("role", ["operator", "viewer", "agent", "run"])
@settings(deadline=None, max_examples=100, suppress_health_check=list(HealthCheck))
@given(data=st.data(), tenant=st.sampled_from([OURS, FOREIGN]))
async def test_nothing_crosses_over(towpath: Asker, role: str, data: st.DataObject, tenant: str) -> None:
    """Whatever a role asks, its tenant's rows are all it can see, count, sort by or find out of."""
    document = data.draw(_documents(await _schema(towpath, role)))
    answer = await towpath.ask(document, role=role, session=_session(tenant))
    if "errors" in answer:
        assert answer["errors"][0]["extensions"]["code"] in REFUSALS, answer
    else:
        text = json.dumps(answer)
        assert [word for word in WORDS[tenant] if word in text] == []
