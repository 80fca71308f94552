"""The local agent and its runner as real processes."""

from __future__ import annotations

import json
import signal
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from towpath import Flow, Parameter, task

__towpath_script__ = True  # what is defined here goes to the run's process by value


@task
def wait_for(path: str) -> int:
    import os
    import time

    print("a line that the flow printed")
    while path and not os.path.exists(path):
        time.sleep(0.01)
    return os.getppid()


def _flow() -> Flow:
    with Flow("waiting") as flow:
        wait_for(Parameter("path", default=""))
    return flow


def test_a_hint_wakes_the_agent_and_the_run_is_done(api: Any, client: Any, start_agent: Any) -> None:
    """A new run is claimed because of the hint and ends in Success; the agent stops in order."""
    flow_id = client.register_flow(_flow()).flow_id
    agent = start_agent("--name", "blue")
    api.wait_for(lambda: api.sockets)
    run = api.create_run(flow_id)
    api.wait_for(lambda: run.state == "Success")
    assert agent.stop() == 0
    assert api.of("register_agent") == [{"input": {"type": "local", "name": "blue", "labels": []}}]
    claim = api.of("claim_flow_runs")[0]["input"]
    assert (claim["run_config_types"], claim["launch_deadline"]) == (["LocalRun", "UniversalRun"], 30)


def test_the_agent_is_killed_and_its_runs_go_on(api: Any, client: Any, start_agent: Any, tmp_path: Path) -> None:
    """A killed agent takes nothing with it: its run goes on, a new agent finds the same runner, and the run ends in Success."""
    go = tmp_path / "go"
    flow_id = client.register_flow(_flow()).flow_id
    first = start_agent()
    run = api.create_run(flow_id, parameters={"path": str(go)})
    api.wait_for(lambda: "Running" in run.task_states("wait_for-1"))
    runner = first.says("Runner process").split("Runner process ")[1].split()[0]
    first.stop(signal.SIGKILL)
    second = start_agent()
    assert f"Runner process {runner} " in second.says("its live runs: 1")
    go.touch()
    api.wait_for(lambda: run.state == "Success")
    assert (run.fence, len(api.of("begin_run"))) == (1, 1)


def test_a_run_that_is_due_later_is_claimed_on_time_without_a_hint(api: Any, client: Any, start_agent: Any) -> None:
    """The agent sleeps exactly until the next due time that the API names; no hint and no sweep is needed."""
    flow_id = client.register_flow(_flow()).flow_id
    agent = start_agent()
    run = api.create_run(flow_id, due=datetime.now(UTC) + timedelta(seconds=2.5))
    api.wait_for(lambda: run.state == "Success")
    begun = datetime.now(UTC)
    assert timedelta(0) < begun - run.due < timedelta(seconds=1.5)
    agent.stop()


def test_an_api_that_is_away_is_told_once(api: Any, client: Any, start_agent: Any) -> None:
    """An agent without an API says so once, keeps trying, says once that it is back, and works."""
    flow_id = client.register_flow(_flow()).flow_id
    agent = start_agent()
    agent.says("registered at")
    api.stop()
    agent.says("The agent keeps trying")
    api.start()
    agent.says("answers again")
    run = api.create_run(flow_id)
    api.wait_for(lambda: run.state == "Success")
    assert len([line for line in agent.lines if "Cannot reach" in line]) == 1
    assert agent.stop() == 0


def test_a_run_that_cannot_be_started_is_given_back(api: Any, client: Any, start_agent: Any) -> None:
    """A run whose interpreter is missing is released with the reason."""
    flow_id = client.register_flow(_flow()).flow_id
    start_agent()
    run = api.create_run(flow_id, run_config={"type": "LocalRun", "env": {"TOWPATH_PYTHON": "/no/such/python"}})
    api.wait_for(lambda: run.released)
    assert "/no/such/python" in run.released[0]
    assert run.states == []


def test_no_more_runs_at_once_than_allowed(api: Any, client: Any, start_agent: Any, tmp_path: Path) -> None:
    """With --max-runs 1 the second run is claimed when the first has ended, at once."""
    go = tmp_path / "go"
    flow_id = client.register_flow(_flow()).flow_id
    start_agent("--max-runs", "1")
    first = api.create_run(flow_id, parameters={"path": str(go)})
    api.wait_for(lambda: "Running" in first.task_states("wait_for-1"))
    second = api.create_run(flow_id)
    asked = len(api.of("claim_flow_runs"))
    api.ring()
    api.wait_for(lambda: len(api.of("claim_flow_runs")) > asked)
    assert (second.state, api.of("claim_flow_runs")[-1]["input"]["limit"]) == ("Scheduled", 0)
    go.touch()
    api.wait_for(lambda: second.state == "Success")


def test_cancelling_takes_less_than_a_beat(api: Any, client: Any, start_agent: Any) -> None:
    """A cancel hint makes the runner ask at once, and the run is stopped without waiting for the next renewal."""
    flow_id = client.register_flow(_flow()).flow_id
    start_agent()
    api.wait_for(lambda: api.sockets)
    run = api.create_run(flow_id, parameters={"path": "/never"})
    api.wait_for(lambda: "Running" in run.task_states("wait_for-1"))
    began = datetime.now(UTC)
    run.cancel = True
    api.ring({"agent_work": {"reason": "cancel", "flow_run_id": run.id}})
    api.wait_for(lambda: run.state == "Cancelled")
    assert datetime.now(UTC) - began < timedelta(seconds=3)


def test_the_health_page_and_the_flows_output(api: Any, client: Any, start_agent: Any, unused_port: int) -> None:
    """The page says how the agent is, and changes with the API; --show-flow-logs prints what flows print."""
    flow_id = client.register_flow(_flow()).flow_id
    agent = start_agent("--agent-address", f"127.0.0.1:{unused_port}", "--show-flow-logs")
    agent.says("registered at")
    api.create_run(flow_id)
    agent.says("a line that the flow printed")
    with urllib.request.urlopen(f"http://127.0.0.1:{unused_port}/health") as answer:
        page = json.load(answer)
    assert (page["status"], page["kind"], page["claimed"]) == ("ok", "local", 1)
    api.stop()
    agent.says("The agent keeps trying")
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"http://127.0.0.1:{unused_port}/health")
    with caught.value as answer:
        assert (answer.code, json.load(answer)["status"]) == (503, "degraded")
