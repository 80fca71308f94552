"""Real processes: what a run does and reports when nothing is wrong, and when its surroundings are."""

from __future__ import annotations

import base64
import os
import pickle
from pathlib import Path
from typing import Any

import towpath
from towpath import Flow, Parameter, task
from towpath.client.keys import SigningKey

__towpath_script__ = True  # what is defined here goes to the run's process by value


@task
def add(x: int, y: int) -> int:
    towpath.get_logger().info("adding %s and %s", x, y)
    return x + y


@task
def show_environment() -> str:
    import json
    import os

    print("printed by the task")
    names = ("TOWPATH_RUN_ID", "TOWPATH_RUN_FENCE", "TOWPATH_RUN_TOKEN", "TOWPATH_API_URL", "TOWPATH_API_KEY", "COLOR", "PYTHONHASHSEED")
    facts = {name: os.environ.get(name) for name in names}
    towpath.get_logger().info("%s", json.dumps({**facts, "cwd": os.getcwd(), "context": towpath.context.get("flow_run_id")}))
    return "ok"


def _adding() -> Flow:
    with Flow("adding") as flow:
        add(add(Parameter("x"), 1), 2)
    return flow


def _environment() -> Flow:
    with Flow("environment") as flow:
        show_environment()
    return flow


def _facts(run: Any) -> dict[str, Any]:
    import json

    (line,) = [log["message"] for log in run.logs if log.get("slug") == "show_environment-1"]
    found: dict[str, Any] = json.loads(line)
    return found


def test_a_run_reports_every_state_in_order_and_its_logs(bench: Any) -> None:
    """A run goes from its launch to Success; states and log lines arrive complete and in order, under growing sequences."""
    run, _ = bench.start(_adding(), parameters={"x": 3})
    assert bench.ended(run)["ended"] == "final"
    assert run.flow_states == ["Running", "Success"]
    assert run.task_states("add-1") == run.task_states("add-2") == ["Running", "Success"]
    assert [log["message"] for log in run.logs if "slug" in log] == ["adding 3 and 1", "adding 4 and 2"]
    sequences = [v["input"]["sequence"] for v in bench.api.of("report_run")]
    assert sequences == list(range(1, len(sequences) + 1))


def test_the_second_run_does_not_fetch_the_code_again(bench: Any) -> None:
    """Code is kept by its hash: the next run of the same flow version says that it knows it, and runs."""
    flow = _adding()
    for _ in range(2):
        run, _ = bench.start(flow, parameters={"x": 1})
        bench.ended(run)
        assert run.state == "Success"
    first, second = (v["input"]["known_code"] for v in bench.api.of("begin_run"))
    assert first == []
    assert second == [next(iter(bench.api.flows.values()))["code_hash"]]
    assert oct((bench.settings.home / "code").stat().st_mode & 0o777) == "0o700"


def test_the_environment_of_a_run(bench: Any, monkeypatch: Any) -> None:
    """A run knows its identity and its run config's variables, and does not see the agent's key."""
    monkeypatch.setenv("TOWPATH_API_KEY", "the-agents-key")
    run, _ = bench.start(_environment(), env={"COLOR": "blue"})
    bench.ended(run)
    facts = _facts(run)
    assert (facts["TOWPATH_RUN_ID"], facts["TOWPATH_RUN_FENCE"], facts["TOWPATH_RUN_TOKEN"]) == (run.id, "1", f"token-of-{run.id}")
    assert (facts["COLOR"], facts["TOWPATH_API_KEY"], facts["context"]) == ("blue", None, run.id)
    assert "printed by the task" in bench.output()


def test_an_interpreter_variable_leads_to_a_fresh_interpreter(bench: Any) -> None:
    """An environment that changes how Python starts cannot be applied to a fork: the run gets its own interpreter, and works."""
    run, _ = bench.start(_environment(), env={"PYTHONHASHSEED": "7"})
    assert bench.ended(run)["ended"] == "final"
    assert (_facts(run)["PYTHONHASHSEED"], run.state) == ("7", "Success")


def test_an_interpreter_that_is_not_there(bench: Any) -> None:
    """A run whose interpreter cannot be executed ends before it began, and the reason names the interpreter."""
    run, _ = bench.start(_environment(), env={"TOWPATH_PYTHON": "/no/such/python"})
    end = bench.ended(run)
    assert end["ended"] == "unbegun"
    assert "/no/such/python" in end["reason"]
    assert run.states == []


def test_the_working_directory(bench: Any, tmp_path: Path) -> None:
    """A run works in its run config's working_dir; one that is not there is a failure that says so."""
    run, _ = bench.start(_environment(), run_config={"type": "LocalRun", "working_dir": str(tmp_path)})
    bench.ended(run)
    assert _facts(run)["cwd"] == str(tmp_path)
    run, _ = bench.start(_environment(), run_config={"type": "LocalRun", "working_dir": "/no/such/place"})
    bench.ended(run)
    assert run.flow_states == ["Failed"]
    assert "/no/such/place" in run.states[-1][3]["message"]


class _Touch:
    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (os.mkdir, (self.path,))


def test_code_that_was_changed_is_not_unpickled(bench: Any, tmp_path: Path) -> None:
    """Code that is not what was signed fails the run with BAD_SIGNATURE and never runs."""
    flow_id = bench.register(_adding())
    trap = tmp_path / "executed"
    blob = pickle.dumps(_Touch(str(trap)))
    import hashlib

    bench.api.flows[flow_id].update(code=base64.b64encode(blob).decode(), code_hash=hashlib.sha256(blob).hexdigest())
    run = bench.api.create_run(flow_id)
    bench.launch(bench.claim())
    bench.ended(run)
    assert run.flow_states == ["Failed"]
    assert "BAD_SIGNATURE" in run.states[0][3]["message"]
    assert not trap.exists()


def test_code_of_a_key_that_is_not_trusted_is_not_unpickled(bench: Any, tmp_path: Path) -> None:
    """Code signed by a stranger fails the run with UNTRUSTED_KEY, and the message says how to trust the key."""
    flow_id = bench.register(_adding())
    stranger = SigningKey.load_or_create(tmp_path / "stranger")
    flow = bench.api.flows[flow_id]
    from towpath.client.testing import TENANT

    signature = stranger.sign(code_sha256=flow["code_hash"], tenant_id=TENANT, flow_name="adding")
    flow.update(signature=base64.b64encode(signature).decode(), key_id=stranger.key_id)
    run = bench.api.create_run(flow_id)
    bench.launch(bench.claim())
    bench.ended(run)
    message = run.states[0][3]["message"]
    assert "UNTRUSTED_KEY" in message
    assert f"{stranger.key_id}" in message
    assert "towpath keys trust" in message


def test_a_launch_may_be_repeated(bench: Any) -> None:
    """Asking twice for the same run and fence starts one process, even after it has ended."""
    run = bench.create(_adding(), parameters={"x": 1})
    claimed = bench.claim()
    first, second = bench.launch(claimed), bench.launch(claimed)
    bench.ended(run)
    third = bench.launch(claimed)
    assert first["pid"] == second["pid"]
    assert third == {"op": "launched", "flow_run_id": run.id, "fence": 1, "pid": None, "stage": "final"}
    assert len(bench.api.of("begin_run")) == 1


def test_an_unused_runner_ends(bench: Any, gone: Any) -> None:
    """Without runs and agents the runner ends by itself, and the next agent gets another one."""
    first = bench.link.connect()["pid"]
    bench.link.close()
    gone(first)
    assert not (bench.directory / "runner.sock").exists()
    assert bench.new_link().connect()["pid"] != first
