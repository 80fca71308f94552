"""The Hasura metadata fits the database, and no row of another tenant can be read through it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

SERVICES = Path(__file__).parents[3] / "services"
METADATA = SERVICES / "hasura" / "metadata"
SCHEMA = SERVICES / "graphql" / "src" / "towpath_graphql" / "sql" / "schema.sql"

ROLES = {"agent", "operator", "run", "viewer"}
NOT_READABLE = {"hook_delivery", "api_key", "secret", "flow_code", "outbox", "write_path"}
"""Tables that nobody reads through the read back end."""
NOT_READABLE_COLUMNS = {
    ("cloud_hook", "sealed"),
    ("cloud_hook", "key_id"),
    ("flow", "code_signature"),
    ("flow_run", "label_key"),
    ("flow_run", "holds_slots"),
    ("flow_run", "trace"),
    ("signing_key", "public_key"),
}
VIEWER_NEVER = {
    ("tenant", "settings"),
    ("flow_group", "run_config"),
    ("flow", "run_config"),
    ("flow", "environment"),
    ("flow", "serialized_flow"),
    ("flow_run", "run_config"),
    ("flow_run", "context"),
    ("agent_config", "settings"),
    ("cloud_hook", "config"),
}
"""Places where people put passwords: environment variables, contexts, hook addresses."""
RUN_TABLES = {
    "tenant",
    "project",
    "flow_group",
    "flow",
    "task",
    "edge",
    "flow_run",
    "flow_run_state",
    "task_run",
    "task_run_state",
    "log",
    "task_run_artifact",
    "key_value",
}


def _load(path: Path) -> Any:
    loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    return _included(loaded, path.parent)


def _included(value: Any, folder: Path) -> Any:
    if isinstance(value, str) and value.startswith("!include "):
        return _load(folder / value.removeprefix("!include "))
    if isinstance(value, list):
        return [_included(v, folder) for v in value]
    if isinstance(value, dict):
        return {k: _included(v, folder) for k, v in value.items()}
    return value


TABLES: dict[str, dict[str, Any]] = {t["table"]["name"]: t for t in _load(METADATA / "databases" / "databases.yaml")[0]["tables"]}


def _permissions() -> list[tuple[str, str, dict[str, Any]]]:
    return [(name, p["role"], p["permission"]) for name, table in TABLES.items() for p in table["select_permissions"]]


@pytest.fixture(scope="session")
def schema_database(new_template: Any, postgres_server: Any) -> str:
    """The address of a database that holds schema.sql."""

    def prepare(address: str) -> None:
        with psycopg.connect(address) as connection:
            connection.execute(SCHEMA.read_text(encoding="utf-8").encode())

    return str(postgres_server.dsn(new_template("metadata_schema", prepare)))


@pytest.fixture(scope="session")
def columns(schema_database: str) -> dict[str, set[str]]:
    """Each table and view of the schema (partitions aside) with its columns."""
    found: dict[str, set[str]] = {}
    with psycopg.connect(schema_database) as connection:
        rows = connection.execute(
            "select c.relname, a.attname from pg_class c join pg_attribute a on a.attrelid = c.oid"
            " where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v') and not c.relispartition"
            " and a.attnum > 0 and not a.attisdropped"
        )
        for table, column in rows:
            found.setdefault(table, set()).add(column)
    return found


@pytest.fixture(scope="session")
def foreign_keys(schema_database: str) -> set[tuple[str, str, str, str]]:
    """Single-column foreign keys: (table, column, far table, far column)."""
    with psycopg.connect(schema_database) as connection:
        rows = connection.execute(
            "select near.relname, a.attname, far.relname, b.attname from pg_constraint k"
            " join pg_class near on near.oid = k.conrelid join pg_class far on far.oid = k.confrelid"
            " join pg_attribute a on a.attrelid = near.oid and a.attnum = k.conkey[1]"
            " join pg_attribute b on b.attrelid = far.oid and b.attnum = k.confkey[1]"
            " where k.contype = 'f' and cardinality(k.conkey) = 1"
        )
        return {tuple(row) for row in rows}


def test_directory_is_version_3_and_every_file_is_included() -> None:
    """The directory says version 3, and no table file lies about that tables.yaml does not include."""
    assert _load(METADATA / "version.yaml") == {"version": 3}
    folder = METADATA / "databases" / "default" / "tables"
    assert {p.name for p in folder.glob("public_*.yaml")} == {f"public_{t}.yaml" for t in TABLES}


def test_every_table_is_tracked_or_deliberately_not(columns: dict[str, set[str]]) -> None:
    """A table that is new in the schema has to be tracked, or put on the list of those nobody reads."""
    assert set(columns) == set(TABLES) | NOT_READABLE


def test_operator_reads_every_column_that_is_not_deliberately_hidden(columns: dict[str, set[str]]) -> None:
    """A column that is new in the schema has to be shown to operators, or put on the hidden list."""
    shown = {(t, c) for t, role, p in _permissions() if role == "operator" for c in p["columns"]}
    assert shown == {(t, c) for t in TABLES for c in columns[t]} - NOT_READABLE_COLUMNS


def test_no_role_names_a_column_that_does_not_exist_or_that_is_hidden(columns: dict[str, set[str]]) -> None:
    """Every column of every permission is in the database, once, and is not one of the hidden."""
    for table, role, permission in _permissions():
        named = permission["columns"]
        assert len(named) == len(set(named)), (table, role)
        assert set(named) <= columns[table], (table, role)
        assert not {(table, c) for c in named} & NOT_READABLE_COLUMNS, (table, role)


def test_viewers_see_no_place_where_passwords_are_kept() -> None:
    """The role viewer has none of the columns in which people keep credentials, and no audit trail."""
    shown = {(t, c) for t, role, p in _permissions() if role == "viewer" for c in p["columns"]}
    assert not shown & VIEWER_NEVER
    assert "audit" not in {t for t, _ in shown}


def _required(filter_: dict[str, Any]) -> list[tuple[str, str]]:
    """The (path, variable) pairs that a row must equal for this filter to let it through (`_or` and `_not` prove nothing)."""
    found: list[tuple[str, str]] = []
    for key, value in filter_.items():
        if key == "_and":
            found += [pair for part in value for pair in _required(part)]
        elif isinstance(value, dict) and set(value) == {"_eq"}:
            found.append((key, value["_eq"]))
        elif isinstance(value, dict) and not key.startswith("_"):
            found += [(f"{key}.{path}", variable) for path, variable in _required(value)]
    return found


def test_every_role_is_held_to_its_tenant_on_every_table() -> None:
    """Each permission requires the row's own tenant to be the session's."""
    for table, role, permission in _permissions():
        own = "id" if table == "tenant" else "tenant_id"
        assert (own, "X-Hasura-Tenant-Id") in _required(permission["filter"]), (table, role)


OPEN_TO_RUNS = {"tenant", "project", "flow", "key_value"}
"""Tables whose rows a run sees in the whole tenant: with them it finds, by name, the flow of which it wants to create a run, and what other
runs have left for it."""


def test_a_run_sees_its_own_run_its_children_and_what_belongs_to_them() -> None:
    """The role run reads few tables, and most of them only along a path that ends at its own run, or at a run that it has created."""
    filters = {table: p["filter"] for table, role, p in _permissions() if role == "run"}
    assert set(filters) == RUN_TABLES
    for table, filter_ in filters.items():
        if table in OPEN_TO_RUNS:
            assert "X-Hasura-Run-Id" not in repr(filter_), table
            continue
        (choices,) = [part["_or"] for part in filter_["_and"] if "_or" in part] or [[filter_]]
        for choice in choices:
            (path,) = [path for path, variable in _required(choice) if variable == "X-Hasura-Run-Id"]
            allowed = {("flow_run", c) for c in ("id", "parent_flow_run_id")}
            assert _walk(table, path) in allowed | {(t, "flow_run_id") for t in ("task_run", "log", "flow_run_state")}, table


def test_a_run_sees_of_its_tenants_flows_what_a_viewer_sees() -> None:
    """No code, graph, environment or run config of a flow: what is open to every run of the tenant holds no passwords."""
    columns = {(table, role): set(p["columns"]) for table, role, p in _permissions()}
    for table in ("flow", "project"):
        assert columns[table, "run"] <= columns[table, "viewer"]


def _walk(table: str, path: str) -> tuple[str, str]:
    *steps, column = path.split(".")
    for step in steps:
        table = _relationships()[table][step][0]
    return table, column


def _relationships() -> dict[str, dict[str, tuple[str, dict[str, str], str]]]:
    """For each table, each relationship's far table, its columns (near to far) and its kind: object, array or manual."""
    keys = {"tenant": "tenant", "limit": "concurrency_limit", "upstream_task": "task", "downstream_task": "task"}
    keys |= {"parent": "flow_run", "parent_task": "task"}
    found: dict[str, dict[str, tuple[str, dict[str, str], str]]] = {}
    for name, table in TABLES.items():
        mine = found.setdefault(name, {})
        for kind in ("object", "array"):
            for r in table.get(f"{kind}_relationships", []):
                using = r["using"]
                assert r["name"] not in mine, (name, r["name"])
                if "manual_configuration" in using:
                    manual = using["manual_configuration"]
                    mine[r["name"]] = (manual["remote_table"]["name"], manual["column_mapping"], "manual")
                elif kind == "object":
                    mine[r["name"]] = (keys.get(r["name"], r["name"]), {using["foreign_key_constraint_on"]: "id"}, kind)
                else:
                    on = using["foreign_key_constraint_on"]
                    mine[r["name"]] = (on["table"]["name"], {"id": on["column"]}, kind)
    return found


def test_every_relationship_stands_on_a_key_or_on_columns_that_exist(
    columns: dict[str, set[str]], foreign_keys: set[tuple[str, str, str, str]]
) -> None:
    """Relationships by foreign key have it in the database; manual ones are where partitions, views and rows of functions have none."""
    keyless = {"log", "flow_run_state", "task_run_state", "task_tag_limit", "flow_concurrency_limit", "utility_traversal"}
    for table, relationships in _relationships().items():
        for name, (far, mapping, kind) in relationships.items():
            assert far in TABLES, (table, name)
            assert name not in columns[table], f"{table}.{name} is the name of a column too"
            ((near_column, far_column),) = mapping.items()
            if kind == "object":
                assert (table, near_column, far, far_column) in foreign_keys, (table, name)
            elif kind == "array":
                assert (far, far_column, table, near_column) in foreign_keys, (table, name)
            else:
                assert {table, far} & keyless, (table, name)
                assert near_column in columns[table], (table, name)
                assert far_column in columns[far], (table, name)


PREFECT_1_RELATIONSHIPS = {
    "agent_config": {"agents"},
    "agent": {"agent_config", "flow_runs"},
    "task": {"flow", "downstream_edges", "upstream_edges", "task_runs"},
    "flow": {"flow_group", "project", "tenant", "edges", "flow_runs", "tasks"},
    "tenant": {"flow_groups", "flows", "projects"},
    "flow_group": {"tenant", "flows"},
    "project": {"tenant", "flows"},
    "flow_run": {"agent", "flow", "tenant", "logs", "states", "task_runs"},
    "task_run": {"flow_run", "task", "tenant", "logs", "states"},
    "edge": {"downstream_task", "flow", "upstream_task"},
    "flow_run_state": {"flow_run"},
    "task_run_state": {"task_run"},
    "task_run_artifact": {"task_run"},
}


def test_the_relationships_of_prefect_1_have_their_names() -> None:
    """Every relationship that Prefect 1's clients and pages use is there; edges look down from their upstream task."""
    found = _relationships()
    for table, names in PREFECT_1_RELATIONSHIPS.items():
        assert names <= set(found[table]), table
    assert found["task"]["upstream_edges"][1] == {"id": "downstream_task_id"}
    assert found["task"]["downstream_edges"][1] == {"id": "upstream_task_id"}
