"""What the engine itself costs on top of PostgreSQL: a nested page, warm, against the same statement through psycopg. See `reads`, too.

It starts an embedded PostgreSQL of its own and takes some seconds.
All variants run interleaved in one process against one server, so that they see the same machine.
"""

import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import psycopg

from tests.benchmarks.measure import Measure
from towpath_read_engine.engine import Request, Session
from towpath_read_engine.testing import Asker, asking
from towpath_server.embedded.postgres import EmbeddedPostgres

_SCHEMA = """
create table flow (id integer primary key, name text not null, project text not null);
create table run (id integer primary key, flow_id integer not null references flow, name text, state text, created timestamptz not null);
create table task (id integer primary key, run_id integer not null references run, slug text, state jsonb not null);
insert into flow select n, 'flow ' || n, 'project ' || n % 5 from generate_series(1, 200) n;
insert into run select n, n % 200 + 1, 'run ' || n, (array['Success','Failed','Running'])[n % 3 + 1],
    timestamptz '2024-01-01Z' + n * interval '1 s' from generate_series(1, 20000) n;
insert into task select n, n % 20000 + 1, 'task-' || n, '{"type": "Success", "message": "done"}' from generate_series(1, 100000) n;
create index on run (created desc nulls first);
create index on run (flow_id);
create index on task (run_id);
vacuum analyze;
"""
_METADATA = {
    "version": 3,
    "sources": [
        {
            "kind": "postgres",
            "tables": [
                {"table": "flow"},
                {
                    "table": "run",
                    "object_relationships": [{"name": "flow", "using": {"foreign_key_constraint_on": "flow_id"}}],
                    "array_relationships": [
                        {"name": "tasks", "using": {"foreign_key_constraint_on": {"table": "task", "column": "run_id"}}}
                    ],
                },
                {"table": "task"},
            ],
        }
    ],
}
_PAGE = """query ($state: [String!]) {
  run(where: {state: {_in: $state}}, order_by: {created: desc}, limit: 50) {
    id name state created
    flow { id name project }
    tasks(order_by: {id: asc}) { id slug state }
    tasks_aggregate { aggregate { count } }
  }
}"""
_ROUNDS = 300

Variant = Callable[[int], Awaitable[Any]]


def run() -> list[Measure]:
    """Measure."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as home:
        directory = Path(home)
        directory.chmod(0o755)
        (directory / "metadata.json").write_text(json.dumps(_METADATA))
        found = asyncio.run(_run(directory))
    rest = f"same document with other literals {found['engine_new_text_p50_ms']}"
    return [
        Measure(
            name="a nested page of 50 runs through the read engine, p50",
            value=found["engine_p50_ms"],
            unit="ms",
            floor=found["psycopg_p50_ms"],
            floor_is="the same statement through psycopg",
            remark=f"{_ROUNDS} rounds, in turn; {rest}",
        ),
        Measure(name="to compile that page from text, nothing cached", value=found["cold_compile_ms"], unit="ms", remark="median of 50"),
    ]


async def _run(directory: Path) -> dict[str, float]:
    server = EmbeddedPostgres(directory / "postgres")
    await server.start()
    try:
        url = server.dsn("postgres")
        with psycopg.connect(url, autocommit=True) as connection:
            for statement in filter(str.strip, _SCHEMA.split(";\n")):
                connection.execute(statement)
        async with asking(url, directory / "metadata.json") as asker, await psycopg.AsyncConnection.connect(url, autocommit=True) as plain:
            return await _measure(asker, plain)
    finally:
        await server.stop()


async def _measure(asker: Asker, plain: psycopg.AsyncConnection) -> dict[str, float]:
    variables = {"state": ["Success", "Running"]}
    request = Request(_PAGE, variables)
    statement = asker.plan(_PAGE, variables).statement
    parameters = ['{"Success","Running"}', "50"]
    cursor = psycopg.AsyncRawCursor(plain)
    await plain.execute("set jit = off")

    async def through_psycopg(_: int) -> bytes | None:
        await cursor.execute(statement.encode(), parameters, prepare=True)
        return cursor.pgresult.get_value(0, 0) if cursor.pgresult else None

    async def through_engine(_: int) -> bytes:
        return await asker.engine.execute(request, Session())

    async def other_literals(round_: int) -> bytes:
        text = (
            _PAGE.replace("$state}", '["Success", "Running"]}').replace("query ($state: [String!])", "").replace("50", str(50 + round_ % 2))
        )
        return await asker.engine.execute(Request(text + " " * round_), Session())

    variants: dict[str, Variant] = {
        "psycopg": through_psycopg,
        "engine": through_engine,
        "engine_new_text": other_literals,
    }
    assert await through_psycopg(0) == await through_engine(0), "the variants must answer the same"
    times: dict[str, list[float]] = {name: [] for name in variants}
    for round_ in range(_ROUNDS + 20):
        order = list(variants.items())
        turn = round_ % len(order)  # each follows each as often: whoever comes after an idle moment pays for it
        for name, variant in order[turn:] + order[:turn]:
            started = time.perf_counter()
            await variant(round_)
            if round_ >= 20:
                times[name].append((time.perf_counter() - started) * 1000)
    found = {f"{name}_p50_ms": round(statistics.median(values), 3) for name, values in times.items()}
    found["cold_compile_ms"] = await _cold(asker)
    return found


async def _cold(asker: Asker) -> float:
    """Milliseconds to compile the page from text, nothing cached, PostgreSQL not asked."""
    times = []
    for n in range(50):
        text = _PAGE.replace("name", f"a{n}: name", 1)
        started = time.perf_counter()
        asker.plan(text, {"state": ["x"]})
        times.append((time.perf_counter() - started) * 1000)
    return round(statistics.median(times), 3)
