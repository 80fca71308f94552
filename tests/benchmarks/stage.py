"""A stage for benchmarks: a real backend process, its database, a real agent, flows registered with the real command line.

Everything lies in one temporary directory, and everything that was started ends with the `with` block. It measures nothing.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, LiteralString, Self, TypeVar, cast
from urllib.parse import quote

import psutil
import psycopg

from towpath.client.client import Client
from towpath.client.settings import Settings
from towpath_server.embedded.account import server_account
from towpath_server.embedded.directory import socket_directory
from towpath_server.testing import Backend

TOWPATH = str(Path(sys.executable).parent / "towpath")
T = TypeVar("T")


def clean_env(**more: str) -> dict[str, str]:
    """This process's environment without Towpath's variables, and with `more`."""
    return {k: v for k, v in os.environ.items() if not k.startswith("TOWPATH_")} | more


def wait_until(what: str, probe: Callable[[], T | None], *, timeout: float = 60.0, every: float = 0.005) -> T:
    """The first true answer of `probe`; raises TimeoutError with `what`."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if answer := probe():
            return answer
        time.sleep(every)
    raise TimeoutError(f"not within {timeout:g} s: {what}")


class Stage:
    """A backend of a benchmark's own; its database is open to look at without asking the API."""

    def __init__(self) -> None:
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with self._stack:
            self.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="towpath-bench-")))
            self.backend = self._stack.enter_context(Backend())
            self.env = clean_env(TOWPATH_API_URL=self.backend.url, TOWPATH_HOME=str(self.folder / "home"), TOWPATH_RUNNER_IDLE="1")
            self.client = self._stack.enter_context(Client(settings=Settings.from_env(self.env)))
            self.database = self._stack.enter_context(self.connect())
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.close()

    def connect(self) -> psycopg.Connection[Any]:
        """A connection of one's own to the backend's PostgreSQL, by its private socket."""
        sockets = socket_directory(self.backend.directory / "postgres", server_account())
        return psycopg.connect(f"postgresql://towpath@/towpath?host={quote(str(sockets), safe='/')}", autocommit=True)

    def start_agent(self) -> None:
        """A local agent with its runner; it is registered and its runner is up when this returns."""
        log = self.folder / "agent.log"
        with log.open("ab") as output:
            command = [TOWPATH, "agent", "local", "start", "--name", "bench"]
            agent = subprocess.Popen(command, env=self.env, stdout=output, stderr=output, stdin=subprocess.DEVNULL)
        self._stack.callback(self._end_agent, agent)
        wait_until("the agent registers", lambda: "Agent bench registered" in log.read_text())

    def _end_agent(self, agent: subprocess.Popen[bytes]) -> None:
        runners = [p for p in psutil.process_iter(["cmdline"]) if self._is_runner(p.info["cmdline"] or [])]
        agent.terminate()
        agent.wait(20)
        for runner in runners:
            with contextlib.suppress(psutil.NoSuchProcess):  # one that has nothing left to do ends by itself
                runner.send_signal(signal.SIGTERM)
        psutil.wait_procs(runners, timeout=15)

    def _is_runner(self, command: list[str]) -> bool:
        return "towpath.runner" in command and any(self.env["TOWPATH_HOME"] in word for word in command)

    def register(self, script: str) -> str:
        """Register the one flow of a script with `towpath register`; its id."""
        path = self.folder / "flow.py"
        path.write_text(textwrap.dedent(script))
        subprocess.run([TOWPATH, "register", "--path", str(path)], env=self.env, check=True, capture_output=True, timeout=60)
        found = self.rows("select id from flow order by created desc limit 1")
        return str(found[0][0])

    def rows(self, query: LiteralString, *parameters: Any) -> list[tuple[Any, ...]]:
        """Ask the database itself, so that looking costs the services nothing."""
        return self.database.execute(query, parameters).fetchall()

    def wait_stored(self, run_id: str, *, timeout: float = 60.0) -> str:
        """Return once the run's final state is stored, with that state. A run reports in order: its tasks' states are stored by then."""
        query: LiteralString = "select state from flow_run where id = %s and end_time is not null"
        found = wait_until(f"run {run_id} ends", lambda: self.rows(query, run_id), timeout=timeout)
        return cast(str, found[0][0])
