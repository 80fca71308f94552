"""Kill a run, its agent, its runner: it is noticed at once or when the lease ends, and the work is done all the same."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

pytestmark = pytest.mark.faults


def test_a_killed_run_is_noticed_at_once_and_runs_again(stage, tmp_path: Path, until, history_is_whole):
    """kill -9 of the run's process: the supervisor says why, the running task is retried, what was done is not done again."""
    trace = tmp_path / "trace"
    go = tmp_path / "go"
    flow = stage.register(body=f"while number == 1 and not os.path.exists({str(go)!r}): time.sleep(0.05)")
    stage.agent()
    run_id = stage.create(flow, trace)
    pid = stage.began(trace, 1)
    # work that was done but not yet told is done again: the contract is at least once, so wait until it is told
    until(
        "the first step is stored", lambda: [t for t in stage.run(run_id)["task_runs"] if t["map_index"] == 0 and t["state"] == "Success"]
    )
    os.kill(pid, signal.SIGKILL)
    until(
        "the crash is told",
        lambda: [s for s in stage.run(run_id)["states"] if s["state"] == "Scheduled" and "SIGKILL" in str(s["message"])],
        timeout=60,
    )
    go.touch()
    run = stage.wait_for(run_id, "Success")
    history_is_whole(run)
    lines = trace.read_text().splitlines()
    assert "total 3" in lines
    assert len([x for x in lines if x.startswith("begin") and x.endswith(" 0")]) == 1
    assert len([x for x in lines if x.startswith("begin") and x.endswith(" 1")]) == 2
    assert "SIGKILL" in stage.logs(run_id)


@pytest.mark.parametrize(
    ("body", "words"),
    [("os._exit(7)", "exited with status 7"), ("import ctypes; ctypes.string_at(0)", "SIGSEGV")],
    ids=["os._exit", "segfault"],
)
def test_a_task_that_ends_its_process_fails_with_the_reason(stage, tmp_path: Path, body, words, history_is_whole):
    """os._exit and a segmentation fault without retries: the task fails with the reason, the run ends Failed, the agent lives on."""
    flow = stage.register(name="breaker", body=body, retries=0)
    agent = stage.agent()
    run = stage.wait_for(stage.create(flow, tmp_path / "trace", steps=1), "Failed")
    history_is_whole(run)
    assert words in stage.logs(run["id"])
    assert agent.process.poll() is None


def test_nothing_dies_with_its_agent(stage, tmp_path: Path, history_is_whole):
    """kill -9 of the agent in the middle of a run: the run goes on under its runner; a new agent of the same directory takes over."""
    trace = tmp_path / "trace"
    flow = stage.register()
    agent = stage.agent()
    run_id = stage.create(flow, trace, seconds=2)
    pid = stage.began(trace)
    agent.kill()
    stage.agent(name="second")
    run = stage.wait_for(run_id, "Success")
    history_is_whole(run)
    assert run["times_resurrected"] == 0
    assert {line.split()[1] for line in trace.read_text().splitlines() if line.startswith("begin")} == {str(pid)}
    second_run = stage.wait_for(stage.create(flow, tmp_path / "other"), "Success")
    assert second_run["times_resurrected"] == 0


def test_a_killed_runner_takes_its_runs_along_and_they_run_again(stage, tmp_path: Path, until, history_is_whole):
    """kill -9 of the runner: its run dies with it, the lease expires, the zombie killer offers the run again, a new runner runs it."""
    trace = tmp_path / "trace"
    flow = stage.register()
    agent = stage.agent()
    run_id = stage.create(flow, trace, seconds=2)
    pid = stage.began(trace)
    runner = agent.runner()
    assert runner is not None
    os.kill(runner, signal.SIGKILL)
    until("the run dies with its runner", lambda: not Path(f"/proc/{pid}").exists(), timeout=5)
    run = stage.wait_for(run_id, "Success", timeout=120)
    history_is_whole(run)
    assert run["times_resurrected"] == 1
    assert "lease" in stage.logs(run_id)


def test_a_runner_that_is_told_to_stop_cancels_nothing(stage, tmp_path: Path, until, history_is_whole):
    """SIGTERM to the runner: its run is interrupted, says so, goes back to the queue at once and is run to its end by a new runner."""
    trace = tmp_path / "trace"
    go = tmp_path / "go"
    flow = stage.register(body=f"while number == 1 and not os.path.exists({str(go)!r}): time.sleep(0.05)")
    agent = stage.agent()
    run_id = stage.create(flow, trace)
    pid = stage.began(trace, 1)
    until(
        "the first step is stored", lambda: [t for t in stage.run(run_id)["task_runs"] if t["map_index"] == 0 and t["state"] == "Success"]
    )
    runner = agent.runner()
    assert runner is not None
    os.kill(runner, signal.SIGTERM)
    until("the run's process ends", lambda: not Path(f"/proc/{pid}").exists())
    go.touch()
    run = stage.wait_for(run_id, "Success", timeout=120)
    history_is_whole(run)
    (left,) = [s for s in run["states"] if "told to stop" in str(s["message"])]
    assert left["state"] == "Scheduled"
    assert left["message"].startswith("The run's process was told to stop with the runner of this machine (SIGTERM); it is offered again")
    assert run["times_resurrected"] == 1
    lines = trace.read_text().splitlines()
    assert [len([x for x in lines if x.startswith("begin") and x.endswith(f" {n}")]) for n in (0, 1)] == [1, 2]
    assert "total 3" in lines
    assert "Cancelled" not in {s["state"] for t in run["task_runs"] for s in t["states"]}


def test_a_hung_task_is_cancelled(stage, tmp_path: Path, until, history_is_whole):
    """A task that ignores SIGTERM and never returns: cancel ends the run Cancelled, and its process is gone."""
    trace = tmp_path / "trace"
    body = """import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGINT, signal.SIG_IGN)
while True:
    try:
        time.sleep(60)
    except BaseException:
        pass"""
    flow = stage.register(name="hung", body=body)
    stage.agent()
    run_id = stage.create(flow, trace, steps=1)
    pid = stage.began(trace)
    stage.cli("cancel", run_id)
    run = stage.wait_for(run_id, "Cancelled", timeout=90)
    history_is_whole(run)
    until("the process is gone", lambda: not Path(f"/proc/{pid}").exists(), timeout=60)
    assert {t["state"] for t in run["task_runs"]} <= {"Cancelled", "Success", "Mapped"}


def test_two_agents_run_a_hundred_runs_once_each(stage, tmp_path: Path, until, history_is_whole):
    """A hundred runs and two agents: every run is run exactly once, and both agents had a share."""
    flow = stage.register()
    stage.trusted = json.loads(stage.cli("keys", "show", "--json").stdout)["public_key"]
    for name in ("left", "right"):
        stage.agent(name=name, home=tmp_path / f"home-{name}")
    traces = [tmp_path / f"trace-{i}" for i in range(100)]
    made = stage.client.create_flow_runs([{"flow_id": flow, "parameters": {"trace": str(t), "steps": 1}} for t in traces])
    ids = [r["id"] for r in made]

    def all_done() -> bool:
        rows = stage.backend.graphql("{ flow_run(where: {end_time: {_is_null: false}}) { id } }")["flow_run"]
        return {r["id"] for r in rows} == set(ids)

    until("all runs have ended", all_done, timeout=180)
    agents = set()
    for run_id, trace in zip(ids, traces, strict=True):
        run = stage.run(run_id)
        assert run["state"] == "Success", run["states"]
        assert run["times_resurrected"] == 0
        history_is_whole(run)
        agents.add(run["agent_id"])
        assert len([x for x in trace.read_text().splitlines() if x.startswith("begin")]) == 1
    assert len(agents) == 2
