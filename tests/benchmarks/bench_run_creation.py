"""How many flow runs a second eight clients can create: one per call, and in bulk. No agent takes them meanwhile."""

from __future__ import annotations

import itertools
import time
from typing import LiteralString
from uuid import uuid4

from tests.benchmarks.floors import commits
from tests.benchmarks.load import CLIENTS, encode, send_all
from tests.benchmarks.measure import Measure
from tests.benchmarks.stage import Stage

SINGLE = 150
"""Calls of each client, one run each."""
BULK_CALLS, BULK_SIZE = 5, 250
FLOW = """
    from towpath import Flow, Parameter, task

    @task
    def hello(name):
        return name

    with Flow("bench-create") as flow:
        hello(Parameter("name", default="world"))
"""
ONE = "mutation($input: create_flow_run_input!) { create_flow_run(input: $input) { id } }"
MANY = "mutation($input: create_flow_runs_input!) { create_flow_runs(input: $input) { results } }"
_KEEP: dict[str, LiteralString] = {
    "flow_run": "create table floor_flow_run as select * from flow_run limit 0",
    "task_run": "create table floor_task_run (like task_run including all)",
    "flow_run_state": "create table floor_flow_run_state (like flow_run_state including all)",
}


def copied(stage: Stage, count: int) -> float:
    """Runs a second when the rows of `count` runs (run, task runs, first state) are inserted by COPY in transactions of the bulk's size."""
    with stage.connect() as connection:
        for create in _KEEP.values():
            connection.execute(create)
        connection.execute("alter table floor_flow_run add primary key (id)")
        batches: list[list[tuple[LiteralString, bytes]]] = []
        for offset in range(0, count, BULK_SIZE):
            batch: list[tuple[LiteralString, bytes]] = []
            runs: LiteralString = "select id from flow_run order by id desc offset {} limit {}"
            for read, write in (
                ("select * from flow_run where id in ({})", "copy floor_flow_run from stdin (format binary)"),
                ("select * from task_run where flow_run_id in ({})", "copy floor_task_run from stdin (format binary)"),
                ("select * from flow_run_state where flow_run_id in ({})", "copy floor_flow_run_state from stdin (format binary)"),
            ):
                query = "copy (" + read.format(runs.format(offset, BULK_SIZE)) + ") to stdout (format binary)"
                with connection.cursor().copy(query) as out:
                    batch.append((write, b"".join(bytes(part) for part in out)))
            batches.append(batch)
        started = time.perf_counter()
        for batch in batches:
            with connection.transaction():
                for write, content in batch:
                    with connection.cursor().copy(write) as copy:
                        copy.write(content)
        return count / (time.perf_counter() - started)


def run() -> list[Measure]:
    """Measure."""
    with Stage() as stage:
        flow_id = stage.register(FLOW)
        numbers = itertools.count()

        def item() -> dict[str, str]:
            return {"flow_id": flow_id, "idempotency_key": f"{next(numbers)}-{uuid4()}"}

        def single(calls: int) -> list[list[bytes]]:
            return [[encode(ONE, {"input": item()}) for _ in range(calls)] for _ in range(CLIENTS)]

        def bulk(calls: int, size: int) -> list[list[bytes]]:
            return [[encode(MANY, {"input": {"runs": [item() for _ in range(size)]}}) for _ in range(calls)] for _ in range(CLIENTS)]

        send_all(stage.backend, single(10))
        one = send_all(stage.backend, single(SINGLE))
        floor_commits = commits(stage)
        send_all(stage.backend, bulk(1, 10))
        many = send_all(stage.backend, bulk(BULK_CALLS, BULK_SIZE))
        wanted = CLIENTS * (10 + SINGLE + 10 + BULK_CALLS * BULK_SIZE)
        if (there := stage.rows("select count(*) from flow_run")[0][0]) != wanted:
            raise RuntimeError(f"{there} runs are stored, {wanted} were created")
        floor_rows = copied(stage, 2000)
    return [
        Measure(
            name="flow runs created, 8 clients, one per call",
            value=len(one.calls) / one.seconds,
            unit="/s",
            target=600,
            better="more",
            floor=floor_commits,
            floor_is="commits of one small row, 8 connections",
            remark=str(one),
        ),
        Measure(
            name="flow runs created, 8 clients, in bulk",
            value=CLIENTS * BULK_CALLS * BULK_SIZE / many.seconds,
            unit="/s",
            target=5000,
            better="more",
            floor=floor_rows,
            floor_is="COPY of the same rows, one connection",
            remark=f"{BULK_SIZE} runs of 2 tasks a call; {many}",
        ),
    ]
