"""Runs whose process is gone. A Prefect 1 client's run is its owner's for 90 s after the last beat, so these are lost at the beginning of
the job and looked at in its end (`pytest_collection_modifyitems` in conftest.py)."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

LOST = 200.0
"""Seconds within which a run that was lost has come to its end: the lease, a pause, the agent's next question, the run itself."""
SUBMIT = """
import pendulum
from prefect import Client
from prefect.engine.state import Submitted
client = Client()
run = client.create_flow_run(flow_id=given["flow"], parameters=given["parameters"], scheduled_start_time=pendulum.parse(given["start"]))
answer = [run, client.set_flow_run_state(run, Submitted(message="Submitted, and then the agent dies")).is_submitted()]
"""


@pytest.fixture(scope="session")
def lost(site, until, tmp_path_factory):
    """One run for each way to be lost: their ids, and the folder with their traces and gates."""
    folder = tmp_path_factory.mktemp("lost")

    def parameters(name):
        return {"trace": str(folder / f"{name}.trace"), "gate": str(folder / name)}

    flows = {"retries": "waits-with-retries", "no retries": "waits", "heart goes on": "waits"}
    ids = {name: site.create(flow, parameters=parameters(name)) for name, flow in flows.items()}
    ids |= {"asks": site.create("asks"), "much later": site.create("much-later")}
    (folder / "submitted").touch()  # of a flow that no other test registers anew, which would cancel the run that is offered again
    given = parameters("submitted")
    ids["submitted"], taken = site.ask(SUBMIT, flow=site.flows["waits"], parameters=given, start="2999-01-01T00:00:00+00:00")
    assert taken
    for name in flows:
        until(f"{name} begins", lambda name=name: (t := folder / f"{name}.trace").exists() and "begin" in t.read_text())
        until(f"{name} has a heart", lambda name=name: [p for p in site.processes(ids[name]) if "heartbeat" in p.cmdline()])
        for process in site.processes(ids[name]):
            if not (name == "heart goes on" and "heartbeat" in process.cmdline()):
                process.kill()
    for name in ("asks", "much later"):
        site.reaches(ids[name], "Running")
        until(f"the process of {name} ends", lambda name=name: not site.processes(ids[name]))
    site.ask("from prefect import Client\nanswer = Client().cancel_flow_run(given['run'])", run=ids["heart goes on"])
    return ids, folder


def test_runs_are_lost(site, lost):
    """kill -9 of processes, death of an agent after Submitted: nothing of it is told to the backend by anybody."""
    ids, _ = lost
    states = {name: site.run(i)["state"] for name, i in ids.items()}
    running = dict.fromkeys(["retries", "no retries", "asks", "much later"], "Running")
    assert states == running | {"heart goes on": "Cancelling", "submitted": "Submitted"}


def test_a_killed_run_with_retries_is_run_again(site, lost):
    """The zombie killer gives it back to the queue, its task is tried again, it ends well; what had succeeded is not run again."""
    ids, folder = lost
    (folder / "retries").touch()
    run = site.ended(ids["retries"], timeout=LOST)
    assert site.history(run) == "Scheduled Submitted Running Scheduled Submitted Running Success"
    # an agent that finds a retry due claims it with its run
    tried = site.history(site.task_runs(run, "wait_with_retries-1")[0]).replace(" Submitted", "")
    assert tried == "Running Failed Retrying Running Success"
    assert site.history(site.task_runs(run, "before-1")[0]) == "Running Success"
    assert any(line.startswith("ERROR") and "fell silent" in line for line in site.logs(run["id"]))


def test_a_killed_run_without_retries_fails(site, lost):
    """Its task has failed, and the run that is run again ends so too; the task is not begun a second time."""
    ids, folder = lost
    run = site.ended(ids["no retries"], "Failed", timeout=LOST)
    assert site.history(run) == "Scheduled Submitted Running Scheduled Submitted Running Failed"
    assert site.history(site.task_runs(run, "wait-1")[0]) == "Running Failed"
    assert (folder / "no retries.trace").read_text().count("begin") == 1


def test_a_run_of_a_dead_agent_is_offered_again(site, lost):
    """Submitted, and never begun: another agent runs it."""
    run = site.ended(lost[0]["submitted"], timeout=LOST)
    assert site.history(run) == "Scheduled Submitted Scheduled Submitted Running Success"
    assert run["agent"]["name"] == "everyday"


def test_a_cancelled_run_ends_though_its_heart_goes_on(site, lost):
    """The client's heartbeat is a process of its own and outlives a killed run; cancelling such a run ends it within a lease."""
    run_id = lost[0]["heart goes on"]
    run = site.reaches(run_id, "Cancelled", timeout=LOST)
    assert site.history(run) == "Scheduled Submitted Running Cancelling Cancelled"
    (heart,) = site.processes(run_id)
    heart.kill()


def test_a_paused_run_waits_for_a_person(site, lost):
    """manual_only: the process ends, the run is Paused until its task run is resumed, as the dashboard does it; then it goes on."""
    run = site.reaches(lost[0]["asks"], "Paused", timeout=LOST)
    (paused,) = site.task_runs(run, "go-1")
    assert (site.history(run), paused["state"]) == ("Scheduled Submitted Running Paused", "Paused")
    document = "mutation ($i: set_task_run_states_input!) { set_task_run_states(input: $i) { states { status } } }"
    state = {"type": "Resume", "message": "Go.", "context": {"resume": True}}
    site.query(document, i={"states": [{"task_run_id": paused["id"], "version": paused["version"], "state": state}]})
    run = site.ended(run["id"])
    assert site.history(site.task_runs(run, "go-1")[0]) == "Paused Resume Running Success"


def test_a_run_that_retries_much_later_is_in_the_queue_for_then(site, lost):
    """The process ends, and the run waits in the queue until its task's retry is due; no life of it is used."""
    run = site.reaches(lost[0]["much later"], "Scheduled", timeout=LOST)
    (task_run,) = site.task_runs(run, "fails-1")
    due = [datetime.fromisoformat(r["serialized_state"]["start_time"]) for r in (run, task_run)]
    failed = datetime.fromisoformat(task_run["states"][1]["timestamp"])
    assert due[0] == due[1]
    assert abs(due[0] - failed - timedelta(minutes=30)) < timedelta(seconds=5)
    assert (run["times_resurrected"], task_run["state"]) == (0, "Retrying")
