"""Schedules through the whole system: ten runs ahead, on time, once each, whatever happens to the scheduler."""

from __future__ import annotations

import contextlib
import os
import signal
from datetime import UTC, datetime, timedelta

import psutil
import pytest

FLOW = """
from datetime import datetime, timedelta
from towpath import Flow, task
from towpath.schedules import IntervalSchedule

@task
def tick():
    return {result}

with Flow("{name}", schedule=IntervalSchedule(start_date=datetime.fromisoformat("{start}"), interval=timedelta(minutes={minutes}))) as flow:
    tick()
"""
LATENESS = 1.5
"""Seconds by which a run may start late on a busy machine of two cores; on an idle one it is some tens of milliseconds."""


@pytest.fixture(scope="module")
def site(make_site):
    """A backend of one process per service, and an agent."""
    site = make_site(processes=True)
    site.agent("everyday")
    yield site
    site.close()


@pytest.fixture
def schedule(site, request):
    """`schedule(name, start, minutes=1, result=1)` registers a flow with a schedule; every schedule is off after the test."""
    made = []

    def register(name: str, start: datetime, minutes: int = 1, result: int = 1) -> str:
        source = FLOW.format(name=name, start=start.isoformat(), minutes=minutes, result=result)
        made.append(site.register(name, source)[name])
        return made[-1]

    yield register
    for flow_id in made:
        switch(site, flow_id, "inactive")


def switch(site, flow_id: str, to: str) -> None:
    site.backend.graphql(f"mutation ($id: UUID!) {{ set_schedule_{to}(input: {{flow_id: $id}}) {{ success }} }}", id=flow_id)


def upcoming(site, name: str) -> list[dict]:
    """Runs of all versions of a flow that wait for their time."""
    document = """query ($name: String!) { flow_run(order_by: {scheduled_start_time: asc},
        where: {flow: {name: {_eq: $name}}, state: {_eq: "Scheduled"}, auto_scheduled: {_eq: true}}) {
        id flow_id scheduled_start_time parameters labels state } }"""
    return site.backend.graphql(document, name=name)["flow_run"]


def ten(site, name: str, flow_id: str | None = None) -> list[dict] | None:
    """The ten upcoming runs of a flow (version) once there are ten; more are an error."""
    runs = upcoming(site, name)
    times = [r["scheduled_start_time"] for r in runs]
    assert len(set(times)) == len(times), f"doubles: {times}"
    assert len(runs) <= 10, times
    return runs if len(runs) == 10 and (flow_id is None or {r["flow_id"] for r in runs} == {flow_id}) else None


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def test_ten_runs_ahead(site, schedule, until):
    """Within seconds of registering, the next ten runs exist, a step apart; they can be seen, changed and cancelled."""
    start = datetime.now(UTC) + timedelta(hours=1)
    flow_id = schedule("ahead", start, minutes=7)
    runs = until("ten runs exist", lambda: ten(site, "ahead", flow_id), timeout=60)
    assert [moment(r["scheduled_start_time"]) for r in runs] == [start + timedelta(minutes=7 * i) for i in range(10)]
    assert len(site.json("get", "flow-runs", "--flow", "ahead", "--state", "Scheduled")) == 10
    rename = 'mutation ($id: UUID!) { set_flow_run_name(input: {flow_run_id: $id, name: "the third"}) { success } }'
    site.backend.graphql(rename, id=runs[2]["id"])
    site.cli("cancel", runs[4]["id"])
    assert site.run(runs[4]["id"])["state"] == "Cancelled"
    assert [r["id"] for r in upcoming(site, "ahead")] == [r["id"] for r in runs if r != runs[4]]
    assert site.sql("select name from flow_run where id = %s", runs[2]["id"]) == [("the third",)]


def test_a_run_starts_on_time_and_the_eleventh_follows(site, schedule, until):
    """A run that is due in some seconds starts through the agent when it is due, and another one takes its place at the end."""
    start = datetime.now(UTC) + timedelta(seconds=5)
    flow_id = schedule("punctual", start)
    first = until("ten runs exist", lambda: ten(site, "punctual", flow_id), timeout=60)[0]
    assert moment(first["scheduled_start_time"]) == start
    run = site.ended(first["id"], state="Success")
    late = (moment(run["start_time"]) - start).total_seconds()
    assert 0 <= late < LATENESS
    runs = until("ten runs are ahead again", lambda: ten(site, "punctual", flow_id), timeout=60)
    assert moment(runs[-1]["scheduled_start_time"]) == start + timedelta(minutes=10)


def test_switching_a_schedule_off_and_on(site, schedule, until):
    """set_schedule_inactive takes the upcoming runs away, but not one that a person has made; set_schedule_active brings them back."""
    flow_id = schedule("switched", datetime.now(UTC) + timedelta(hours=1))
    until("ten runs exist", lambda: ten(site, "switched", flow_id), timeout=60)
    with site.client as client:
        by_hand = client.create_flow_run(flow_id, scheduled_start_time=datetime.now(UTC) + timedelta(hours=2))
    switch(site, flow_id, "inactive")
    assert upcoming(site, "switched") == []
    assert site.run(by_hand)["state"] == "Scheduled"
    switch(site, flow_id, "active")
    until("ten runs exist again", lambda: ten(site, "switched", flow_id), timeout=60)


def test_a_new_version_takes_the_schedule_over(site, schedule, until):
    """Registering a changed flow moves its upcoming runs to the new version: ten, at the same times, none twice."""
    start = datetime.now(UTC) + timedelta(hours=1)
    first = schedule("moved", start)
    before = until("ten runs exist", lambda: ten(site, "moved", first), timeout=60)
    second = schedule("moved", start, result=2)
    assert second != first
    after = until("ten runs of the new version exist", lambda: ten(site, "moved", second), timeout=60)
    assert [r["scheduled_start_time"] for r in after] == [r["scheduled_start_time"] for r in before]


def scheduler(site) -> psutil.Process | None:
    """The scheduler's process, if it lives."""
    for process in psutil.Process(site.backend.pid).children():
        with contextlib.suppress(psutil.NoSuchProcess):  # it has just died: a zombie has no command line
            if "towpath_scheduler.main" in " ".join(process.cmdline()):
                return process
    return None


def test_a_scheduler_that_is_killed_loses_and_doubles_nothing(site, schedule, until):
    """kill -9 of the scheduler, again and again, while flows are registered: every flow gets its ten runs, none twice."""
    start = datetime.now(UTC) + timedelta(hours=1)
    flows, killed = {}, set()
    for number in range(3):
        process = until("a new scheduler lives", lambda: (p := scheduler(site)) and p.pid not in killed and p, timeout=60)
        killed.add(process.pid)
        flows[f"killed-{number}"] = schedule(f"killed-{number}", start, minutes=number + 1)
        os.kill(process.pid, signal.SIGKILL)
    for name, flow_id in flows.items():
        until(f"ten runs of {name} exist", lambda n=name, f=flow_id: ten(site, n, f), timeout=30)
    twice = """select flow_group_id, schedule_clock, scheduled_start_time from flow_run where auto_scheduled
               group by 1, 2, 3 having count(*) > 1"""
    assert site.sql(twice) == []
