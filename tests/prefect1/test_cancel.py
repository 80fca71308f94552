"""Cancelling a run that runs, and one that does not yet."""

from __future__ import annotations

import pytest

CANCEL = "from prefect import Client\nanswer = Client().cancel_flow_run(given['run'])"


@pytest.fixture
def waiting(site, tmp_path, until):
    """A run whose task has begun and would wait for ever."""
    trace = tmp_path / "trace"
    run_id = site.create("waits", parameters={"trace": str(trace), "gate": str(tmp_path / "gate")})
    until("the task begins", lambda: trace.exists() and "begin" in trace.read_text())
    return run_id


def test_a_running_flow_is_stopped_by_its_own_process(site, waiting):
    """Running, Cancelling, Cancelled: the process sees it, interrupts its work and posts the end itself; nothing of it is left."""
    assert site.ask(CANCEL, run=waiting) == "Cancelling"
    run = site.ended(waiting, "Cancelled")
    assert site.history(run) == "Scheduled Submitted Running Cancelling Cancelled"
    assert run["states"][-1]["message"] == "Flow run is cancelled"
    assert site.history(site.task_runs(run, "wait-1")[0]) == "Running Cancelled"
    assert site.ask(CANCEL, run=waiting) == "Cancelled"  # a replay
    assert site.run(waiting)["version"] == run["version"]


def test_a_run_that_has_not_begun_is_cancelled_at_once(site):
    """No agent takes it any more."""
    run_id = site.create("note", parameters={"trace": "never"}, scheduled_start_time="2999-01-01T00:00:00Z")
    assert site.ask(CANCEL, run=run_id) == "Cancelled"
    run = site.run(run_id)
    assert site.history(run) == "Scheduled Cancelled"
    assert {t["state"] for t in run["task_runs"]} == {"Cancelled"}
