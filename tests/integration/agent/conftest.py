"""The local agent as a real process, against the fake API; nothing is left running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from towpath.client import Client, Settings
from towpath.client.testing import FakeApi


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
    monkeypatch.setenv("TOWPATH_RUNNER_IDLE", "0.3")
    return Settings.from_env()


@pytest.fixture
def client(settings: Settings) -> Iterator[Client]:
    with Client(settings=settings) as client:
        yield client


class AgentProcess:
    """`towpath agent local start`, with its output by lines."""

    def __init__(self, *options: str) -> None:
        command = [str(Path(sys.executable).parent / "towpath"), "agent", "local", "start", *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.lines: list[str] = []
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._news:
                self.lines.append(line)
                self._news.notify_all()

    def says(self, text: str, timeout: float = 90.0) -> str:
        """Wait for a line that contains `text`."""
        with self._news:
            found = self._news.wait_for(lambda: [line for line in self.lines if text in line], timeout)
            assert found, f"the agent did not say {text!r}, but: {self.lines}"
            return found[0]

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        status = self.process.wait(15)
        self._reader.join(5)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return status


@pytest.fixture
def start_agent(settings: Settings) -> Iterator[Callable[..., AgentProcess]]:
    agents: list[AgentProcess] = []

    def start(*options: str) -> AgentProcess:
        agents.append(AgentProcess(*options))
        return agents[-1]

    yield start
    for agent in agents:
        if agent.process.poll() is None:
            agent.stop(signal.SIGKILL)
    for process in psutil.process_iter(["cmdline"]):
        command: Any = process.info["cmdline"] or []
        if "towpath.runner" in command and any(part.startswith(str(settings.home)) for part in command):
            process.kill()  # its children go with it


@pytest.fixture
def unused_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
