"""A stage for fault tests: a real backend, real agents, flows that leave traces in a file, and the means to kill each of them."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from towpath.client.client import Client
from towpath.client.settings import Settings
from towpath_server.testing import Backend

TOWPATH = [str(Path(sys.executable).parent / "towpath")]
FLOW = """
import os, sys, time
from datetime import timedelta
from towpath import Flow, Parameter, task, unmapped

@task(**{retries})
def step(number, trace, seconds):
    with open(trace, "a") as f:
        f.write(f"begin {{os.getpid()}} {{number}}\\n")
    {body}
    with open(trace, "a") as f:
        f.write(f"end {{os.getpid()}} {{number}}\\n")
    return number

@task
def total(numbers, trace):
    with open(trace, "a") as f:
        f.write(f"total {{sum(numbers)}}\\n")
    return sum(numbers)

with Flow("{name}") as flow:
    trace = Parameter("trace")
    seconds = Parameter("seconds", default=0)
    steps = Parameter("steps", default=3)
    numbers = task(lambda n: list(range(n)), name="numbers")(steps)
    total(step.map(numbers, unmapped(trace), unmapped(seconds)), trace)
"""


def wait_until(what: str, probe: Callable[[], Any], timeout: float = 90.0) -> Any:
    """The first true answer of `probe`; fails with `what` when there is none in time. Real processes have no clock to inject."""
    deadline = time.monotonic() + timeout
    last: BaseException | None = None
    while time.monotonic() < deadline:
        try:
            if answer := probe():
                return answer
        except Exception as e:  # the backend may be away: that is what is tested
            last = e
        time.sleep(0.05)
    raise AssertionError(f"not within {timeout:g} s: {what}" + (f" (last: {last!r})" if last else ""))


@dataclass
class Agent:
    """An agent process and its runner."""

    process: subprocess.Popen[bytes]
    home: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def runner(self) -> int | None:
        """The runner's process id, found by its home."""
        for p in psutil.process_iter(["cmdline"]):
            line = p.info["cmdline"] or []
            if "towpath.runner" in line and any(str(self.home) in word for word in line):
                return int(p.pid)
        return None

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()


@dataclass
class Stage:
    """Everything that a fault test needs."""

    backend: Backend
    folder: Path
    agents: list[Agent] = field(default_factory=list)
    trusted: str = ""

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def env(self, home: Path | None = None) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("TOWPATH_")}
        env = kept | {"TOWPATH_API_URL": self.backend.url, "TOWPATH_HOME": str(home or self.home)}
        return env | ({"TOWPATH_TRUSTED_KEYS": self.trusted} if self.trusted else {})

    def cli(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        result = subprocess.run([*TOWPATH, *arguments], env=self.env(), capture_output=True, text=True, check=False, timeout=120)
        assert not check or result.returncode == 0, f"{arguments}: {result.stdout}{result.stderr}"
        return result

    @property
    def client(self) -> Client:
        return Client(settings=Settings.from_env(self.env()))

    def agent(self, name: str = "agent", home: Path | None = None) -> Agent:
        """Start an agent; it is registered when this returns."""
        log = (self.folder / f"{name}.log").open("ab")
        process = subprocess.Popen(
            [*TOWPATH, "agent", "local", "start", "--name", name], env=self.env(home), stdout=log, stderr=log, stdin=subprocess.DEVNULL
        )
        log.close()
        agent = Agent(process, home or self.home)
        self.agents.append(agent)
        wait_until(f"agent {name} registers", lambda: f"Agent {name} registered" in (self.folder / f"{name}.log").read_text())
        return agent

    def register(self, name: str = "steps", *, body: str = "time.sleep(seconds)", retries: int = 2) -> str:
        """Register the flow of these tests; its id."""
        script = self.folder / f"{name.replace('-', '_')}.py"
        options = f"dict(max_retries={retries}, retry_delay=timedelta(seconds=1))" if retries else "dict()"
        script.write_text(FLOW.format(name=name, body=textwrap.indent(body, "    ").strip(), retries=options))
        self.cli("register", "--path", str(script))
        return str(self.client.find_flow(name)["id"])

    def create(self, flow_id: str, trace: Path, **parameters: Any) -> str:
        return self.client.create_flow_run(flow_id, parameters={"trace": str(trace), **parameters})

    def run(self, run_id: str) -> dict[str, Any]:
        document = """query ($id: uuid!) { flow_run_by_pk(id: $id) {
            id state state_message version attempt fence times_resurrected start_time end_time agent_id
            states(order_by: {version: asc}) { state version attempt fence message }
            task_runs { state map_index version attempt task { slug } states(order_by: {version: asc}) { state version } } } }"""
        found: dict[str, Any] = self.backend.graphql(document, id=run_id)["flow_run_by_pk"]
        return found

    def wait_for(self, run_id: str, *states: str, timeout: float = 90.0) -> dict[str, Any]:
        """The run once it is in one of these states; a wrong end fails at once."""

        def probe() -> dict[str, Any] | None:
            run = self.run(run_id)
            ended = run["end_time"] is not None
            if run["state"] in states:
                return run
            if ended:
                pytest.fail(f"the run ended {run['state']}: {run['state_message']}\n{json.dumps(run['states'], indent=1)}")
            return None

        found: dict[str, Any] = wait_until(f"run {run_id} reaches {states}", probe, timeout)
        return found

    def logs(self, run_id: str) -> str:
        return "\n".join(str(r["message"]) for r in self.client.get_logs(run_id))

    def began(self, trace: Path, number: int = 0) -> int:
        """The process id of the first `begin` line of a step, once it is there."""

        def probe() -> int | None:
            lines = trace.read_text().splitlines() if trace.exists() else []
            return next((int(line.split()[1]) for line in lines if line.startswith("begin") and line.endswith(f" {number}")), None)

        found: int = wait_until(f"step {number} begins", probe)
        return found

    def close(self) -> None:
        for agent in self.agents:
            agent.stop()
        # runners outlive their agents; nothing of this test may outlive the test
        left = [p for p in psutil.process_iter(["cmdline"]) if any(str(self.folder) in word for word in p.info["cmdline"] or [])]
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.terminate()
        for process in psutil.wait_procs(left, timeout=60)[1]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()


def check_history(run: dict[str, Any]) -> None:
    """The run's ledger has no gap, and no old fence has written."""
    assert [s["version"] for s in run["states"]] == list(range(1, run["version"] + 1))
    fences = [s["fence"] for s in run["states"]]
    assert fences == sorted(fences)
    for task_run in run["task_runs"]:
        assert [s["version"] for s in task_run["states"]] == list(range(1, task_run["version"] + 1)), task_run


@pytest.fixture
def history_is_whole() -> Callable[[dict[str, Any]], None]:
    """`history_is_whole(run)` checks a run's ledger."""
    return check_history


@pytest.fixture
def until() -> Callable[..., Any]:
    """`until(what, probe, timeout)` waits for a true answer."""
    return wait_until


@pytest.fixture
def make_stage(tmp_path: Path) -> Iterator[Callable[..., Stage]]:
    """`make_stage(processes=False)`: a backend of this test's own."""
    stages: list[Stage] = []

    def make(**options: Any) -> Stage:
        backend = Backend(**options)
        stage = Stage(backend, tmp_path)
        stages.append(stage)
        backend.start()
        return stage

    yield make
    for stage in stages:
        try:
            stage.close()
        finally:
            stage.backend.close()


@pytest.fixture
def stage(make_stage: Callable[..., Stage]) -> Stage:
    """A stage with all services in one process."""
    return make_stage()
