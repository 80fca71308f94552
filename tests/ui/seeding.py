"""Flows, runs and agents for the pages to show, made through the API as its users would; long histories are written at once.

`python -m tests.ui.seeding URL DSN` fills a backend for looking at the pages by hand.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import sys
import urllib.request
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from towpath_proto import wire

_MANY_RUNS = (Path(__file__).parent / "many_runs.sql").read_text(encoding="utf-8")
_TASKS_OF_RUNS = (Path(__file__).parent / "tasks_of_runs.sql").read_text(encoding="utf-8")
_CODE = b"driven by hand"
_HOUR = 3_600_000_000


class Api:
    """GraphQL over HTTP, one request at a time."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/graphql"

    def __call__(self, query: str, **variables: Any) -> dict[str, Any]:
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(self._url, body, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as response:
            answer: dict[str, Any] = wire.decode(response.status, response.read())
            return answer


def register(
    api: Api,
    name: str,
    tasks: Sequence[str] = ("load", "store"),
    schedule: Mapping[str, Any] | None = None,
    mapped: Sequence[str] = (),
    **more: Any,
) -> dict[str, Any]:
    """Register a flow whose tasks follow each other.

    Args:
        mapped: Those of the tasks that are mapped over what comes before them.
        more: Further fields of the serialized flow.
    """
    slugs = [f"{task.replace(' ', '_')}-1" for task in tasks]
    many = set(mapped)
    edges = [
        {"upstream_task": {"slug": a}, "downstream_task": {"slug": b}, "key": "rows", "mapped": name in many}
        for (a, b), name in zip(itertools.pairwise(slugs), tasks[1:], strict=True)
    ]
    named = [{"name": task, "slug": slug} for task, slug in zip(tasks, slugs, strict=True)]
    return register_serialized(api, {"name": name, "tasks": named, "edges": edges, "parameters": [], "schedule": schedule, **more})


def register_serialized(api: Api, flow: Mapping[str, Any]) -> dict[str, Any]:
    """Register a flow as it is serialised. Nobody loads its code, but only runs with code are given to native agents.

    Nobody beats for its runs either: what a test has begun is not taken for lost, however long the test takes.
    """
    answer: dict[str, Any] = api(
        "mutation($flow: JSON!, $code: String!, $hash: String!, $signature: String!) { register_flow(input: {serialized_flow: $flow,"
        ' code: $code, code_hash: $hash, signature: $signature, key_id: "by-hand"}) { flow_id flow_group_id version } }',
        code=base64.b64encode(_CODE).decode(),
        hash=hashlib.sha256(_CODE).hexdigest(),
        signature=base64.b64encode(bytes(64)).decode(),
        flow=flow,
    )["register_flow"]
    api("mutation($f: UUID!) { disable_flow_heartbeat(input: {flow_id: $f}) { success } }", f=answer["flow_id"])
    return answer


def create(api: Api, flow_id: str, **fields: Any) -> str:
    """Create a run."""
    run: str = api(
        "mutation($i: create_flow_run_input!) { create_flow_run(input: $i) { id } }",
        i={"flow_id": flow_id, **fields},
    )["create_flow_run"]["id"]
    return run


def move(api: Api, run_id: str, *states: str, message: str | None = None) -> None:
    """Bring a run through states, as Prefect 1's clients report them."""
    for state in states:
        result = api(
            "mutation($s: [set_state_input!]!) { set_states(input: {states: $s}) { results } }",
            s=[{"flow_run_id": run_id, "state": {"type": state, "message": message}}],
        )["set_states"]["results"][0]
        assert result["status"] == "SUCCESS", result


def register_agent(api: Api, name: str, labels: Sequence[str] = (), types: Sequence[str] = ("UniversalRun", "LocalRun")) -> str:
    """Register an agent, and let it ask for work once, so that it is alive for a while."""
    agent: str = api(
        'mutation($n: String!, $l: [String!]) { register_agent(input: {type: "LocalAgent", name: $n, labels: $l}) { id } }',
        n=name,
        l=list(labels),
    )["register_agent"]["id"]
    ask_for_work(api, agent, labels, types, limit=0)
    return agent


def ask_for_work(api: Api, agent: str, labels: Sequence[str], types: Sequence[str], limit: int) -> list[dict[str, Any]]:
    """What the agent gets."""
    runs: list[dict[str, Any]] = api(
        "mutation($a: UUID!, $l: [String!], $t: [String!]!, $n: Int) {"
        " claim_flow_runs(input: {agent_id: $a, labels: $l, run_config_types: $t, limit: $n}) { runs { id fence } } }",
        a=agent,
        l=list(labels),
        t=list(types),
        n=limit,
    )["claim_flow_runs"]["runs"]
    return runs


def write_history(dsn: str, flow_id: str, count: int, *, every: timedelta, took: timedelta, fails: float, prefix: str = "run-") -> None:
    """Write ended runs of the past, one each `every`."""
    with psycopg.connect(dsn) as connection:
        connection.execute(_MANY_RUNS, {"flow": flow_id, "count": count, "every": every, "took": took, "fails": fails, "prefix": prefix})


def write_task_runs(dsn: str, flow_id: str, children: int) -> None:
    """Write the task runs of all ended runs of a version: those of a failed run fail at the last task but one."""
    with psycopg.connect(dsn) as connection:
        connection.execute(_TASKS_OF_RUNS, {"flow": flow_id, "children": children})


def every(hours: float) -> dict[str, Any]:
    """A schedule in the form of Prefect 1 that has last fired half an interval ago: it does not fire within a short test."""
    start = {"dt": f"{datetime.now(UTC) - timedelta(hours=hours / 2):%Y-%m-%dT%H:%M:00}", "tz": "UTC"}
    clock = {"type": "IntervalClock", "start_date": start, "end_date": None, "interval": int(hours * _HOUR), "parameter_defaults": {}}
    return {"type": "Schedule", "clocks": [clock], "filters": [], "or_filters": [], "not_filters": [], "adjustments": []}


def cron(expression: str) -> dict[str, Any]:
    """A schedule in the form of Prefect 1."""
    clock = {"type": "CronClock", "start_date": None, "end_date": None, "cron": expression, "day_or": True, "parameter_defaults": {}}
    return {"type": "Schedule", "clocks": [clock], "filters": [], "or_filters": [], "not_filters": [], "adjustments": []}


def _fill(url: str, dsn: str) -> None:
    api = Api(url)
    minute = timedelta(minutes=1)
    for name, tasks, schedule, count, spacing, took, fails in [
        ("tide-tables", ("fetch stations", "predict", "publish"), every(1), 400, 60 * minute, 38 * minute / 60, 0.02),
        ("lock-telemetry", ("list locks", "measure", "reduce"), every(2), 300, 120 * minute, 9 * minute, 0.08),
        ("freight-ledger", ("pull manifests", "match tolls", "balance", "post"), cron("0 6 * * 1-5"), 90, 360 * minute, 47 * minute, 0.2),
        ("barge-positions", ("read feed", "snap to canal", "store"), every(0.25), 900, 15 * minute, minute / 15, 0.01),
        ("water-quality", ("collect samples", "calibrate", "score"), None, 60, 240 * minute, 3 * minute, 0.05),
        ("canal-maintenance-plan", ("plan",), cron("30 2 1 * *"), 3, 43_000 * minute, 3 * minute, 0),
    ]:
        flow = register(api, name, tasks, schedule)["flow_id"]
        write_history(dsn, flow, count, every=spacing, took=took, fails=fails, prefix=f"{name.split('-')[0]}-")
        if name == "freight-ledger":
            failed = create(api, flow, flow_run_name="november-close")
            move(api, failed, "Running")
            move(api, failed, "Failed", message="match tolls failed: ValueError('3 tolls have no manifest').")
            due = (datetime.now(UTC) - 6 * minute).isoformat()
            create(api, flow, flow_run_name="harbour-close", labels=["harbour"], scheduled_start_time=due)
        if name == "water-quality":
            move(api, create(api, flow, flow_run_name="week-47"), "Running")
            paused = create(api, flow, flow_run_name="publish-limits")
            move(api, paused, "Running")
            move(api, paused, "Paused", message="Waits for approval before the limits are published.")
    register_agent(api, "lockkeeper-1")
    register_agent(api, "lockkeeper-2", ["gpu", "north"])


if __name__ == "__main__":
    _fill(*sys.argv[1:3])
