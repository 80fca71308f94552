"""How long a Prefect 1 agent waits for its queue while 100,000 runs of 200 label sets are due: `get_runs_in_queue` through the gateway.

The agents serve three label sets each, one serves none of those that have runs, and the labels must match before the limit counts. The
floor is the one statement that an agent of a single, known label set needs, through psycopg.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import LiteralString
from urllib.parse import urlsplit

from tests.benchmarks.http_clients import Connection, prepared
from tests.benchmarks.measure import Measure, percentile, spread
from tests.benchmarks.stage import Stage

RUNS, TEAMS, SIZES = 100_000, 20, 10
CALLS = 400
LIMIT = 240
QUEUE = "mutation($input: get_runs_in_queue_input!) { get_runs_in_queue(input: $input) { flow_run_ids } }"
CREATE = "mutation($input: create_flow_input!) { create_flow(input: $input) { id } }"
FILL: LiteralString = """
    insert into flow_run (id, tenant_id, flow_id, flow_group_id, name, labels, scheduled_start_time, version, state, state_timestamp,
                          state_start_time, serialized_state, due_at)
    select gen_random_uuid(), f.tenant_id, f.id, f.flow_group_id, 'bench-' || n,
           jsonb_build_array('size-' || (n / %(teams)s) %% %(sizes)s, 'team-' || n %% %(teams)s), t.due, 1, 'Scheduled', now(), t.due,
           jsonb_build_object('type', 'Scheduled', 'start_time', t.due), t.due
    from flow f, generate_series(1, %(runs)s) n, lateral (select now() - make_interval(secs => n) as due) t
"""
ONE_SET: LiteralString = """
    select id from flow_run
    where tenant_id = %s and label_key = %s and run_config_type = 'UniversalRun' and due_at <= now() order by due_at limit 75
"""


def _labels(number: int) -> list[str]:
    """What agent `number` serves: one team's runs of three sizes; the last one serves nobody's."""
    if number == TEAMS:
        return ["elsewhere"]
    return [f"team-{number}", *(f"size-{(number + i) % SIZES}" for i in range(3))]


def _port(stage: Stage) -> int:
    port = urlsplit(stage.backend.url).port
    assert port is not None
    return port


async def _ask(port: int, requests: list[bytes]) -> tuple[list[float], list[int]]:
    connection = await Connection.open(port)
    took, found = [], []
    for request in requests:
        started = time.perf_counter()
        answer = await connection.ask(request)
        took.append((time.perf_counter() - started) * 1000)
        found.append(len(json.loads(answer)["data"]["get_runs_in_queue"]["flow_run_ids"]))
    connection.close()
    return took, found


def run() -> list[Measure]:
    """Measure."""
    with Stage() as stage:
        tenant, project = stage.rows("select tenant_id, id from project")[0]
        serialized = {"name": "bench-queue", "type": "prefect.core.flow.Flow", "__version__": "1.4.1", "tasks": [], "edges": []}
        stage.backend.graphql(CREATE, input={"serialized_flow": serialized, "project_id": str(project)})
        stage.database.execute(FILL, {"runs": RUNS, "teams": TEAMS, "sizes": SIZES})
        stage.database.execute("vacuum analyze flow_run")
        requests = [prepared("/", QUEUE, {"input": {"labels": _labels(n)}}) for n in range(TEAMS + 1)]
        asyncio.run(_ask(_port(stage), requests))
        took, found = asyncio.run(_ask(_port(stage), [requests[n % len(requests)] for n in range(CALLS)]))
        if set(found[:TEAMS]) != {75} or found[TEAMS] != 0:
            raise RuntimeError(f"the queues hold {found[: TEAMS + 1]}, not 75 runs each and none")
        floor = []
        for n in range(CALLS):
            key = json.dumps([f"size-{n % SIZES}", f"team-{n % TEAMS}"])
            started = time.perf_counter()
            stage.database.execute(ONE_SET, (tenant, key), prepare=True).fetchall()
            floor.append((time.perf_counter() - started) * 1000)
    return [
        Measure(
            name="get_runs_in_queue, 100,000 due runs of 200 label sets: p95",
            value=percentile(took, 0.95),
            unit="ms",
            target=10,
            floor=percentile(floor, 0.95),
            floor_is="one label set by psycopg, p95",
            remark=f"p50 {percentile(took, 0.5):.1f} ms; {spread(took)}",
        )
    ]
