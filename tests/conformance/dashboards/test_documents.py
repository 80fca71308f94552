"""The documents of Prefect 1's dashboards, each sent to a whole backend with something of everything in it.

A document stands beside a `.json` with its variables and the data it gets. `UPDATE_SNAPSHOTS=1` writes the data anew; look at
the difference before you keep it. Whatever is asked, no word of the other tenant may be in the answer.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import urllib.request
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    build_client_schema,
    build_schema,
    get_introspection_query,
    parse,
    validate,
)

from towpath_proto import sdl
from towpath_read_engine.testing import asking
from towpath_server.testing import Backend

HERE = Path(__file__).parent
DOCUMENTS = sorted((HERE / "documents").glob("*.graphql"))
COUNTED = ("project", "message", "task_run_artifact")
TABLES = (*COUNTED, "flow", "flow_run", "flow_run_state", "task", "task_run", "task_run_state", "tenant", "agent", "cloud_hook")
UPDATE = bool(os.environ.get("UPDATE_SNAPSHOTS"))
METADATA = HERE.parents[2] / "services" / "hasura" / "metadata"
FOREIGN = re.compile(rb"foreign|0000000000ff")


def _send(backend: Backend, query: str, variables: dict[str, Any] | None = None, operation: str | None = None) -> bytes:
    body = json.dumps({"query": query, "variables": variables or {}, "operationName": operation}).encode()
    request = urllib.request.Request(f"{backend.url}/graphql", body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as response:
        return bytes(response.read())


@pytest.fixture(scope="module")
def dashboards() -> Iterator[Backend]:
    """A backend with two tenants in it."""
    with Backend() as backend:
        with psycopg.connect(backend.dsn) as connection:
            connection.execute((HERE / "seed.sql").read_text(encoding="utf-8"))
        yield backend


@pytest.fixture(scope="module")
def schema(dashboards: Backend) -> GraphQLSchema:
    """What a person at a dashboard may read: the tables of the role, and the queries of the business service."""

    async def tables() -> GraphQLSchema:
        async with asking(dashboards.dsn, METADATA) as engine:
            return build_client_schema(await engine.data(get_introspection_query(), role="operator"))

    read, business = asyncio.run(tables()).query_type, build_schema(sdl.load()).query_type
    assert read is not None
    assert business is not None
    return GraphQLSchema(GraphQLObjectType(read.name, {**read.fields, **business.fields}))


def _cases(path: Path) -> tuple[str, dict[str, Any]]:
    return path.read_text(encoding="utf-8"), json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_a_document_is_answered(dashboards: Backend, schema: GraphQLSchema, path: Path) -> None:
    """It validates against the served schema, gets the recorded data, of the types the schema says, and nothing foreign."""
    query, case = _cases(path)
    assert validate(schema, parse(query)) == []
    text = _send(dashboards, query, case["variables"])
    answer = json.loads(text)
    assert set(answer) == {"data"}, answer
    assert not FOREIGN.search(text.replace(b'"foreign":null', b"").replace(b'"foreign":[]', b""))
    _Shape(schema, query, case["variables"]).check(answer["data"])
    if UPDATE:
        case = {**case, "data": answer["data"]}
        path.with_suffix(".json").write_text(json.dumps(case, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    assert answer["data"] == case["data"]


@pytest.mark.parametrize(
    "root",
    [
        *TABLES,
        *(f"{name}_aggregate" for name in ("flow", "flow_run", "flow_run_state", "task", "task_run", "task_run_state", *COUNTED)),
        *(f"{name}_by_pk" for name in ("flow", "flow_group", "flow_run", "task", "task_run", "project", "tenant")),
        *(f"{name}s_aggregate" for name in ("flow_run", "flow", "task_run", "state", "task")),
        "mapped_children",
        "utility_downstream_tasks",
    ],
)
def test_what_the_dashboards_read_is_in_some_document(root: str) -> None:
    """Each table, count, key and nested count that Prefect 1's pages read is read by a document here."""
    assert any(re.search(rf"\b{root}\b\s*[({{]", path.read_text(encoding="utf-8")) for path in DOCUMENTS)


class _Shape:
    """Walks an answer along its document and compares each value with the type of its field."""

    def __init__(self, schema: GraphQLSchema, query: str, variables: dict[str, Any]) -> None:
        document = parse(query)
        self._schema = schema
        self._fragments = {item.name.value: item for item in document.definitions if isinstance(item, FragmentDefinitionNode)}
        self._operation = next(item for item in document.definitions if isinstance(item, OperationDefinitionNode))
        self._variables = variables

    def check(self, data: Any) -> None:
        root = self._schema.query_type
        assert root is not None
        self._object(root, self._operation.selection_set, data, "data")

    def _object(self, kind: GraphQLObjectType, selections: SelectionSetNode, value: Any, place: str) -> None:
        assert isinstance(value, dict), place
        fields = dict(self._fields(selections))
        assert list(value) == list(fields), place
        for key, field in fields.items():
            if field.name.value == "__typename":
                assert value[key] == kind.name, place
            else:
                self._value(kind.fields[field.name.value].type, field, value[key], f"{place}.{key}")

    def _fields(self, selections: SelectionSetNode) -> Iterator[tuple[str, FieldNode]]:
        for node in selections.selections:
            if any(item.name.value == "skip" for item in node.directives or ()):
                continue
            if isinstance(node, FieldNode):
                yield (node.alias or node.name).value, node
            elif isinstance(node, FragmentSpreadNode):
                yield from self._fields(self._fragments[node.name.value].selection_set)
            elif isinstance(node, InlineFragmentNode):
                yield from self._fields(node.selection_set)

    def _value(self, kind: GraphQLOutputType, field: FieldNode, value: Any, place: str) -> None:
        if isinstance(kind, GraphQLNonNull):
            assert value is not None, place
            self._value(kind.of_type, field, value, place)
        elif value is None:
            pass
        elif isinstance(kind, GraphQLList):
            assert isinstance(value, list), place
            for i, item in enumerate(value):
                self._value(kind.of_type, field, item, f"{place}[{i}]")
        elif isinstance(kind, GraphQLObjectType):
            assert field.selection_set is not None
            self._object(kind, field.selection_set, value, place)
        else:
            _check_scalar(str(kind), value, place)


def _check_scalar(name: str, value: Any, place: str) -> None:
    match name:
        case "uuid" | "UUID" | "ID":
            assert str(UUID(value)) == value, place
        case "timestamptz" | "DateTime":
            assert datetime.fromisoformat(value).tzinfo is not None, place
        case "Int":
            assert type(value) is int, place
        case "Boolean":
            assert isinstance(value, bool), place
        case "String" | "interval":
            assert isinstance(value, str), place
        case "jsonb" | "JSON":
            assert isinstance(value, (dict, list)), place
        case _:
            raise AssertionError(f"{place} is a {name}, which no dashboard knows")
