"""SQL stands in .sql files under names; every name is used, every used name exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from towpath_graphql.adapters import queries

SOURCE = Path(__file__).parents[2] / "services" / "graphql" / "src" / "towpath_graphql"
SQL = re.compile(
    r"\b(select\s+.+\s+from|insert\s+into|update\s+\w+\s+set|delete\s+from|create\s+(table|index|function)|alter\s+table|drop\s+table"
    r"|truncate\s+\w+|for\s+update|returning\s+\w+|on\s+conflict|order\s+by)\b",
    re.IGNORECASE | re.DOTALL,
)
CALLS = {"all", "one", "run"}


def modules():
    """Each module of the service, parsed."""
    for path in sorted(SOURCE.rglob("*.py")):
        yield path.relative_to(SOURCE).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def texts(tree):
    """The string literals of a module that are not docstrings, with their lines."""
    docs = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes) and id(node) not in docs:
            yield node.lineno, node.value if isinstance(node.value, str) else node.value.decode("latin-1")


def used():
    """Names of queries in the code: first arguments of tx.all, tx.one, tx.run and store.one, and keys of the loaded queries."""
    for module, tree in modules():
        for node in ast.walk(tree):
            first = None
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CALLS and node.args:
                owner = ast.unparse(node.func.value)
                first = node.args[0] if owner.split(".")[-1].lstrip("_") in ("tx", "store", "self") else None
            elif isinstance(node, ast.Subscript) and ast.unparse(node.value) == "named":
                first = node.slice
            if first is not None and isinstance(first, ast.Constant):
                yield module, first.value
            elif first is not None:
                assert ast.unparse(first) == "query", f"{module}: a query's name must be written where it is used: {ast.unparse(node)}"


def test_there_is_no_sql_in_python():
    """No string in the service's modules is a statement or a clause of SQL."""
    found = [f"{module}:{line}: {text[:60]!r}" for module, tree in modules() for line, text in texts(tree) if SQL.search(text)]
    assert found == []


def test_the_rule_would_see_sql():
    """The pattern finds statements, and does not take sentences for them."""
    for sql in (
        "select id from flow",
        "SELECT\n1\nFROM x",
        "insert into x values (1)",
        "update flow set a = 1",
        "where a order by b",
        "for update",
    ):
        assert SQL.search(sql), sql
    for words in ("Select a flow.", "Update the flow.", "It was created by hand; order another.", "delete_flow", "returning"):
        assert not SQL.search(words), words


def test_every_query_is_used_and_every_used_name_exists():
    """The .sql files and the code name the same queries."""
    named = {name for _, name in used()}
    assert named == set(queries.load())


def test_every_query_is_one_statement_with_named_parameters():
    """A name stands for one statement; parameters are named, never %s; each file begins by saying what it is about."""
    for name, text in queries.load().items():
        sql = re.sub(r"'[^']*'", "''", text.decode())
        assert ";" not in sql, name
        assert not re.search(r"%(?!\()", sql), name
    for path in (SOURCE / "sql").glob("*.sql"):
        assert path.read_text(encoding="utf-8").startswith("-- "), path.name


def test_tables_of_tenants_are_asked_with_their_tenant():
    """A query that finds rows of a tenant's table by an id from outside compares the tenant, too."""
    allowed = {
        # after the row was found and locked within the caller's tenant, in the same transaction
        "archive_flow", "archive_older_flows", "append_serialized_tasks", "set_schedule", "remember_idempotency_key", "mark_tasks",
        "merge_group_settings", "merge_flow_settings", "lock_flows_of_group", "newest_flow_of_group", "move_flows",
        "insert_flow_runs", "tasks_of_flow", "tasks_by_slug", "lock_descendants", "flow_run_details", "task_run_records",
        "lock_task_runs_by_slug",
        "lock_unfinished_task_runs", "lock_paused_task_runs",
        "lock_failed_task_runs", "active_tasks", "delete_run_history", "delete_flow_history", "delete_upcoming_runs",
        "waiting_runs_of_flows", "lock_flows_to_delete", "lock_runs_to_delete", "flow_by_idempotency_key",
        "newest_version_group", "flow_runs_by_idempotency",
        "flow_runs_by_clock", "store_flow_runs", "store_task_runs", "limits_of_runs", "limited_tags", "running_under_tag",
        "due_behind_limits", "use_of_limits", "places_in_lines", "insert_logs_once",
        # for all tenants by their nature
        "default_tenant", "verify_api_key", "next_expiry", "take_outbox", "drop_stale_outbox",
    }  # fmt: skip
    tables = r"\b(?:from|join|update|delete from)\s+(?:tenant|api_key|project|flow_group|flow|flow_run|task|task_run|agent|log|outbox)\b"
    asked = {n for n, q in queries.load().items() if re.search(tables, q.decode())}
    without = {n for n in asked if "%(tenant_id)s" not in queries.load()[n].decode()}
    assert without == allowed
