"""Fills a backend's database with as many runs as it has after a year, in sets (see many_runs.sql); nobody is asked one run at a time."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import psycopg

from towpath_server.embedded.postgres import EmbeddedPostgres
from towpath_server.testing import Backend

FLOW_RUNS = 1_000_000
TASK_RUNS = 3
"""Task runs of each run."""
FLOWS = 200
_FILLING = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "autovacuum": "off",
    "shared_buffers": "512MB",
    "maintenance_work_mem": "512MB",
    "work_mem": "256MB",
    "max_wal_size": "16GB",
    "session_replication_role": "replica",  # the rows point to each other by construction: foreign keys are not checked
}
"""PostgreSQL while it is filled; the backend starts it again with its own settings."""


def queries(file: str) -> dict[str, bytes]:
    """The named queries of a `.sql` file of this folder."""
    parts = (Path(__file__).parent / file).read_text(encoding="utf-8").split("-- name: ")[1:]
    return {part.split("\n", 1)[0].strip(): part.split("\n", 1)[1].strip().rstrip(";").encode() for part in parts}


def fill(directory: Path, *, flow_runs: int = FLOW_RUNS) -> None:
    """Make a backend's directory with that many runs of its default tenant; the backend is not running afterwards."""
    with Backend(directory):
        pass  # the graphql service makes the tables and the tenant
    asyncio.run(_fill(directory, flow_runs))


async def _fill(directory: Path, flow_runs: int) -> None:
    server = EmbeddedPostgres(directory / "postgres", settings=_FILLING)
    await server.start()
    try:
        _write(server.dsn(), flow_runs)
    finally:
        await server.stop()


def _write(dsn: str, flow_runs: int) -> None:
    named = queries("many_runs.sql")
    with psycopg.connect(dsn, autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
        values: dict[str, Any] = {"flows": FLOWS, "flow_runs": flow_runs, "task_runs": TASK_RUNS}
        values["tenant"] = connection.execute("select id from tenant").fetchall()[0][0]
        indexes = connection.execute(named["secondary_indexes"]).fetchall()
        for name, _ in indexes:
            connection.execute(f"drop index {name}".encode())
        for step in ("flows", "flow_runs", "task_runs"):
            connection.execute(named[step], values)
        for _, definition in indexes:
            connection.execute(definition.encode())
        connection.execute(b"vacuum (analyze) flow, flow_run, task, task_run")
