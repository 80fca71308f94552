"""What an agent of Prefect 1 is told to run next, with 100,000 scheduled runs in 200 label sets: `get_runs_in_queue` through the gateway.

Agents of different labels ask in turn, as Prefect 1's client does: with its agent's id, and ten seconds ahead. What each is told is held
against the rows themselves by the rule in its plainest form.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString

import psycopg

from tests.benchmarks import many_runs
from tests.benchmarks.http_clients import Connection, prepared
from tests.benchmarks.measure import Measure, percentile
from tests.benchmarks.processes import cpu_seconds, cpu_since
from tests.benchmarks.stage import Stage
from towpath_service_kit.service import run as run_loop

SCHEDULED, FLOWS, CALLS, WARM = 100_000, 20, 600, 60
AGENTS: list[list[str]] = [
    [],
    *([f"place-{place}", *(f"pool-{pool}" for pool in range(pools))] for place, pools in ((1, 1), (7, 3), (12, 10), (19, 10))),
    ["gpu", *(f"place-{place}" for place in range(20)), "pool-0"],
    ["gpu", *(f"place-{place}" for place in range(20)), *(f"pool-{pool}" for pool in range(10))],
    ["elsewhere"],
]
"""Their labels: none, a place with some of its pools, the whole of something, and what no run asks for."""
QUEUE = "mutation($input: get_runs_in_queue_input!) { get_runs_in_queue(input: $input) { flow_run_ids } }"
REGISTER = "mutation($input: register_agent_input!) { register_agent(input: $input) { id } }"
_RULE: LiteralString = """
    select r.id::text, r.due_at from flow_run r join flow f on f.id = r.flow_id
    where r.due_at <= %s and f.code_hash is null and r.labels <@ %s::jsonb and (r.labels <> '[]' or %s::jsonb = '[]') order by r.due_at
"""
_FLOOR: LiteralString = "update agent set last_queried = now() where id = %s"


def run() -> list[Measure]:
    """Measure."""
    with Stage() as stage:
        _fill(stage)
        agents = [(labels, _register(stage, labels)) for labels in AGENTS]
        tenant = str(stage.rows("select id::text from tenant")[0][0])
        for labels, agent in agents:
            _check(stage, tenant, labels, agent)
        before = cpu_seconds(stage.backend.pid)
        times: list[float] = []
        run_loop(_ask(stage.backend.port, tenant, agents, times))
        cpu = cpu_since(stage.backend.pid, before)
        floor = _commits(stage, agents[0][1])
    each = ", ".join(f"{what} {seconds / (CALLS + WARM) * 1000:.2f}" for what, seconds in sorted(cpu.items()) if seconds > 0)
    among = f"get_runs_in_queue, {SCHEDULED:,} scheduled runs in 200 label sets"
    return [
        Measure(
            name=f"{among}, p95",
            value=percentile(times, 0.95) * 1000,
            unit="ms",
            target=10,
            floor=floor,
            floor_is="p95 of noting by psycopg that the agent has asked",
            remark=f"{CALLS} calls of {len(AGENTS)} agents, {statistics.median(times) * 1000:.1f} ms at the median; CPU ms a call: {each}",
        )
    ]


def _fill(stage: Stage) -> None:
    named = many_runs.queries("many_runs.sql")
    values: dict[str, Any] = {"flows": FLOWS, "scheduled": SCHEDULED, "tenant": stage.rows("select id from tenant")[0][0]}
    with psycopg.connect(stage.backend.dsn, autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
        for step in ("flows", "own_flows", "scheduled_runs"):
            connection.execute(named[step], values)
        connection.execute(b"vacuum (analyze) flow_run, flow")


def _register(stage: Stage, labels: list[str]) -> str:
    answer = stage.backend.graphql(REGISTER, input={"type": "LocalAgent", "name": "bench", "labels": labels})
    return str(answer["register_agent"]["id"])


def _request(tenant: str, labels: list[str], agent: str, before: datetime) -> bytes:
    given = {"tenant_id": tenant, "before": before.isoformat(), "labels": labels}
    return prepared("/graphql", QUEUE, {"input": given}, {"x-prefect-agent-id": agent})


def _check(stage: Stage, tenant: str, labels: list[str], agent: str) -> None:
    """An agent is told the oldest runs that the rule gives it, and that it has asked is stored."""
    before = datetime.now(UTC) + timedelta(seconds=10)
    told: list[str] = []

    async def ask() -> None:
        connection = await Connection.open(stage.backend.port)
        told.extend(json.loads(await connection.ask(_request(tenant, labels, agent, before)))["data"]["get_runs_in_queue"]["flow_run_ids"])
        connection.close()

    asyncio.run(ask())
    wanted = [row[0] for row in stage.rows(_RULE, before, json.dumps(labels), json.dumps(labels))]
    if told != wanted[: len(told)] or len(told) < min(25, len(wanted)):
        raise RuntimeError(
            f"an agent with the labels {labels} was told {len(told)} runs, and not the oldest of the {len(wanted)} that are its"
        )
    asked = stage.rows("select last_queried > now() - interval '10 s' from agent where id = %s", agent)
    if asked != [(True,)]:
        raise RuntimeError("that the agent has asked was not stored")


async def _ask(port: int, tenant: str, agents: list[tuple[list[str], str]], times: list[float]) -> None:
    connection = await Connection.open(port)
    for call in range(CALLS + WARM):
        labels, agent = agents[call % len(agents)]
        request = _request(tenant, labels, agent, datetime.now(UTC) + timedelta(seconds=10))
        began = time.perf_counter()
        answer = await connection.ask(request)
        if call >= WARM:
            times.append(time.perf_counter() - began)
        if b'"errors"' in answer:
            raise RuntimeError(answer[:500].decode())
    connection.close()


def _commits(stage: Stage, agent: str) -> float:
    """Milliseconds, the slowest twentieth aside, to store that an agent has asked."""
    times = []
    for _ in range(200):
        began = time.perf_counter()
        stage.database.execute(_FLOOR, [agent])
        times.append(time.perf_counter() - began)
    return percentile(times, 0.95) * 1000
