"""Concurrency limits with real agents and processes: task runs of several runs take turns, and runs under a label do."""

from __future__ import annotations

import os
import signal
from itertools import pairwise
from typing import Any

FLOW = """
import time
from pathlib import Path
from towpath import Flow, Parameter, task, unmapped
from towpath.executors import LocalDaskExecutor

@task(tags=["press"])
def printed(x, folder):
    began = time.monotonic()
    time.sleep(0.05)
    with open(Path(folder) / "turns", "a") as turns:
        turns.write(f"{began} {time.monotonic()}\\n")
    return x

@task
def free(folder):
    (Path(folder) / "free").touch()

with Flow("press", executor=LocalDaskExecutor(num_workers=4)) as flow:
    folder = Parameter("folder")
    printed.map(list(range(5)), folder=unmapped(folder))
    free(folder)
"""
HOLD = """
import time
from pathlib import Path
from towpath import Flow, Parameter, task

@task(tags=["hold"])
def hold(folder, name):
    (Path(folder) / name).touch()
    while not (Path(folder) / "go on").exists():
        time.sleep(0.02)

with Flow("hold") as flow:
    hold(Parameter("folder"), Parameter("name"))
"""


def held(site: Any) -> list[tuple[Any, ...]]:
    return site.sql("select * from concurrency_slot")


def test_task_runs_of_several_runs_take_turns(site: Any) -> None:
    """Three runs with four workers each share one slot: no two task runs overlap, all runs succeed, what has no limit does not wait."""
    flows = site.register("press", FLOW)
    site.backend.graphql('mutation { update_task_tag_limit(input: {tag: "press", limit: 1}) { id } }')
    with site.client as client:
        runs = [client.create_flow_run(flow_id=flows["press"], parameters={"folder": str(site.folder)}) for _ in range(3)]
    for run in runs:
        found = site.ended(str(run), state="Success")
        assert len([t for t in found["task_runs"] if t["map_index"] >= 0]) == 5
    turns = sorted(tuple(map(float, line.split())) for line in (site.folder / "turns").read_text().splitlines())
    assert len(turns) == 15
    assert all(before[1] <= after[0] for before, after in pairwise(turns))
    assert held(site) == []
    queued = site.sql("select count(*) from task_run_state where state = 'Queued'")
    assert queued[0][0] > 0


def test_a_killed_run_gives_its_slot_to_the_next(site: Any, until: Any) -> None:
    """A run that waits for a slot gets it when the process of the run that holds it is killed."""
    flows = site.register("hold", HOLD)
    site.backend.graphql('mutation { update_task_tag_limit(input: {tag: "hold", limit: 1}) { id } }')
    with site.client as client:
        first = str(client.create_flow_run(flow_id=flows["hold"], parameters={"folder": str(site.folder), "name": "first"}))
        until("the first runs", (site.folder / "first").exists)
        second = str(client.create_flow_run(flow_id=flows["hold"], parameters={"folder": str(site.folder), "name": "second"}))
    waits = "select state, state_message from task_run where flow_run_id = %s and state = 'Queued'"
    ((_, message),) = until("the second waits", lambda: site.sql(waits, second))
    assert message == "Waits for a free slot of the limit on tag 'hold' (1)."
    assert not (site.folder / "second").exists()
    ((holder,),) = site.sql("select lease_holder from flow_run where id = %s", first)
    os.kill(int(holder.rsplit(" ", 1)[1]), signal.SIGKILL)
    until("the second runs", (site.folder / "second").exists)
    (site.folder / "go on").touch()
    site.ended(second, state="Success")
    site.backend.graphql("mutation($id: UUID!) { cancel_flow_run(input: {flow_run_id: $id}) { state } }", id=first)
    until("the first is given up", lambda: site.run(first)["state"] in ("Cancelled", "Failed", "Success"))
    assert held(site) == []


def test_runs_under_a_label_take_turns(site: Any, until: Any) -> None:
    """One run of a label is owned at a time; the next begins when it ends, without a sweep's delay, and others do not wait."""
    flows = site.register("hold", HOLD)
    ((limit,),) = site.sql("select id from concurrency_limit where name = 'hold'")
    site.backend.graphql("mutation($id: UUID!) { delete_task_tag_limit(input: {limit_id: $id}) { success } }", id=str(limit))
    site.backend.graphql('mutation { update_flow_concurrency_limit(input: {label: "big", limit: 1}) { id } }')
    site.agent("big", "--label", "big")
    (site.folder / "go on").unlink()
    with site.client as client:
        runs = [
            str(client.create_flow_run(flow_id=flows["hold"], labels=["big"], parameters={"folder": str(site.folder), "name": f"big {i}"}))
            for i in range(3)
        ]
    until("one runs", lambda: any((site.folder / f"big {i}").exists() for i in range(3)))
    assert site.sql("select count(*) from flow_run where phase is not null and labels ? 'big'") == [(1,)]
    (site.folder / "go on").touch()
    for run in runs:
        site.ended(run, state="Success")
    assert held(site) == []
    overlaps = site.sql(
        "select count(*) from flow_run a join flow_run b on a.id < b.id and a.start_time < b.end_time and b.start_time < a.end_time"
        " where a.labels ? 'big' and b.labels ? 'big'"
    )
    assert overlaps == [(0,)]
