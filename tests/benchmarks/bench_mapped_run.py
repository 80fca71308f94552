"""A thousand mapped tasks that do nothing, through the whole system: from the request for the run until every final state is stored."""

from __future__ import annotations

import statistics
import time
from typing import LiteralString

from tests.benchmarks.measure import Measure, spread
from tests.benchmarks.stage import Stage

CHILDREN = 1000
ROUNDS = 5
FLOW = f"""
    from towpath import Flow, task

    @task
    def numbers():
        return list(range({CHILDREN}))

    @task
    def nothing(number):
        return None

    with Flow("bench-mapped") as flow:
        nothing.map(numbers)
"""
_TABLES: dict[str, tuple[LiteralString, LiteralString, LiteralString]] = {
    "task_run": (
        "create table floor_task_run (like task_run including all)",
        "copy (select * from task_run where flow_run_id = '{}') to stdout (format binary)",
        "copy floor_task_run from stdin (format binary)",
    ),
    "task_run_state": (
        "create table floor_task_run_state (like task_run_state including all)",
        "copy (select * from task_run_state where task_run_id in (select id from task_run where flow_run_id = '{}'))"
        " to stdout (format binary)",
        "copy floor_task_run_state from stdin (format binary)",
    ),
}


def bulk_insert(stage: Stage, run_id: str) -> float:
    """Seconds to insert the rows that a run left behind, by COPY in one transaction, into tables with the same indexes."""
    contents: list[tuple[LiteralString, bytes]] = []
    with stage.connect() as connection:
        for create, read, write in _TABLES.values():
            connection.execute(create)
            with connection.cursor().copy(read.format(run_id)) as out:
                contents.append((write, b"".join(bytes(part) for part in out)))
        started = time.perf_counter()
        with connection.transaction():
            for write, content in contents:
                with connection.cursor().copy(write) as copy:
                    copy.write(content)
        return time.perf_counter() - started


def run() -> list[Measure]:
    """Measure."""
    with Stage() as stage:
        flow_id = stage.register(FLOW)
        stage.start_agent()
        took: list[float] = []
        for _ in range(ROUNDS + 1):
            started = time.perf_counter()
            run_id = stage.client.create_flow_run(flow_id)
            state = stage.wait_stored(run_id)
            took.append(time.perf_counter() - started)
            stored = stage.rows("select count(*) from task_run where flow_run_id = %s and state in ('Success', 'Mapped')", run_id)[0][0]
            if state != "Success" or stored != CHILDREN + 2:
                raise RuntimeError(f"the run ended {state} with {stored} task runs stored as done")
        states = stage.rows(
            "select count(*) from task_run_state s join task_run t on t.id = s.task_run_id where t.flow_run_id = %s", run_id
        )[0][0]
        floor = bulk_insert(stage, run_id)
    return [
        Measure(
            name="1,000 mapped no-op tasks, created to all stored",
            value=statistics.median(took[1:]),
            unit="s",
            target=1.2,
            floor=floor,
            floor_is=f"COPY of the same {stored} task runs and {states} states",
            remark=f"median of {spread(took[1:], 2)}; one run before not counted: {took[0]:.2f}",
        )
    ]
