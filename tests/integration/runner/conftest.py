"""A runner of its own for each test, against the fake API; nothing is left running."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from towpath.agent import documents
from towpath.agent.claims import ClaimedRun
from towpath.client import Client, Settings
from towpath.client.testing import FakeApi, FakeRun
from towpath.runner.launch import Launch
from towpath.runner.link import RunnerLink


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with FakeApi() as fake:
        yield fake


@pytest.fixture
def settings(api: FakeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in [n for n in os.environ if n.startswith("TOWPATH_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TOWPATH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TOWPATH_API_URL", api.url)
    monkeypatch.setenv("TOWPATH_RUNNER_IDLE", "0.2")
    return Settings.from_env()


class Bench:
    """Drives one runner as an agent does."""

    def __init__(self, api: FakeApi, settings: Settings, directory: Path) -> None:
        self.api = api
        self.settings = settings
        self.directory = directory
        self.said: list[dict[str, Any]] = []
        self.news = threading.Condition()
        self.client = Client(settings=settings)
        self.links: list[RunnerLink] = []
        self.pids: set[int] = set()
        self.link = self.new_link()

    def new_link(self) -> RunnerLink:
        link = RunnerLink(self.directory, self.settings, on_message=self.hear, on_connect=lambda g: self.pids.add(g["pid"]))
        self.links.append(link)
        return link

    def hear(self, message: dict[str, Any]) -> None:
        with self.news:
            self.said.append(message)
            self.news.notify_all()

    def wait_for(self, condition: Callable[[], Any], timeout: float = 90.0) -> Any:
        with self.news:
            assert self.news.wait_for(condition, timeout), f"did not happen; the runner said {self.said}; it wrote:\n{self.output()}"
            return condition()

    def output(self) -> str:
        path = self.directory / "output.log"
        return path.read_text() if path.exists() else ""

    def register(self, flow: Any) -> str:
        return self.client.register_flow(flow).flow_id

    def create(self, flow: Any, **fields: Any) -> FakeRun:
        return self.api.create_run(self.register(flow), **fields)

    def claim(self) -> ClaimedRun:
        value = {"agent_id": "a", "labels": [], "run_config_types": ["UniversalRun"], "limit": 1}
        (row,) = self.client.graphql(documents.CLAIM, {"input": value})["claim_flow_runs"]["runs"]
        return ClaimedRun.from_answer(row)

    def launch(self, run: ClaimedRun, **env: str) -> dict[str, Any]:
        return self.link.launch(
            Launch(flow_run_id=run.id, fence=run.fence, run_token=run.run_token, name=run.name, flow_id=run.flow_id, env=env)
        )

    def start(self, flow: Any, *, env: dict[str, str] | None = None, **fields: Any) -> tuple[FakeRun, int]:
        """Create a run and have it launched; returns it and its process id."""
        run = self.create(flow, **fields)
        answer = self.launch(self.claim(), **(env or {}))
        assert answer["op"] == "launched", answer
        return run, answer["pid"]

    def ended(self, run: FakeRun) -> dict[str, Any]:
        """Wait until the runner has seen the end of a run's process."""
        return self.wait_for(lambda: next((m for m in self.said if m["op"] == "ended" and m["flow_run_id"] == run.id), None))

    def running(self, run: FakeRun, slug: str) -> None:
        """Wait until a task run is running."""
        self.api.wait_for(lambda: "Running" in run.task_states(slug))

    def appears(self, path: Path, timeout: float = 90.0) -> None:
        """Wait until a file is there."""
        end = time.monotonic() + timeout
        while not path.exists():
            assert time.monotonic() < end, f"{path} did not appear"
            time.sleep(0.01)

    def close(self) -> None:
        for link in self.links:
            link.close()
        self.client.close()
        for pid in self.pids:
            try:
                process = psutil.Process(pid)
                if "towpath.runner" in " ".join(process.cmdline()):
                    process.send_signal(signal.SIGKILL)  # its children go with it
            except psutil.NoSuchProcess:
                pass


@pytest.fixture
def bench(api: FakeApi, settings: Settings, tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(api, settings, tmp_path / "runner")
    yield bench
    bench.close()


@pytest.fixture
def gone() -> Callable[[int], None]:
    """Waits until a process is gone (it may be a zombie of somebody else)."""

    def wait(pid: int, timeout: float = 90.0) -> None:
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            try:
                if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                    return
            except psutil.NoSuchProcess:
                return
            time.sleep(0.02)
        raise AssertionError(f"process {pid} is still there")

    return wait
