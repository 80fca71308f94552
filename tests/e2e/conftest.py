"""A whole Towpath for a module of tests: a real backend, the `towpath` command, agents as processes. Shared, for a start costs seconds."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from towpath.client.client import Client
from towpath.client.settings import Settings
from towpath_proto.states import is_final
from towpath_server.testing import Backend

TOWPATH = str(Path(sys.executable).parent / "towpath")


def wait_until(what: str, probe: Callable[[], Any], timeout: float = 90.0) -> Any:
    """The first true answer of `probe`; fails with `what` when there is none in time. Real processes have no clock to inject."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if answer := probe():
            return answer
        time.sleep(0.03)
    raise AssertionError(f"not within {timeout:g} s: {what}")


@dataclass
class Site:
    """A backend, a user's home, and the agents that were started."""

    backend: Backend
    folder: Path
    agents: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def env(self, **more: str) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("TOWPATH_")}
        return kept | {"TOWPATH_API_URL": self.backend.url, "TOWPATH_HOME": str(self.home)} | more

    def cli(self, *arguments: str, expect: int | None = 0, **env: str) -> subprocess.CompletedProcess[str]:
        """Run `towpath`; its exit status must be `expect`."""
        run = subprocess.run(
            [TOWPATH, *arguments], env=self.env(**env), cwd=self.folder, capture_output=True, text=True, check=False, timeout=240
        )
        assert expect is None or run.returncode == expect, f"{arguments} ended {run.returncode}:\n{run.stdout}{run.stderr}"
        assert "Traceback" not in run.stderr
        return run

    def json(self, *arguments: str) -> Any:
        """What `towpath … --json` prints."""
        return json.loads(self.cli(*arguments, "--json").stdout)

    def write(self, name: str, source: str) -> Path:
        """A script in the user's folder."""
        path = self.folder / f"{name}.py"
        path.write_text(source)
        return path

    def register(self, name: str, source: str) -> dict[str, str]:
        """Register the flows of a script; their ids by name."""
        rows = self.json("register", "--path", str(self.write(name, source)))
        return {row["name"]: row["flow_id"] for row in rows}

    @property
    def client(self) -> Client:
        return Client(settings=Settings.from_env(self.env()))

    def post(self, body: bytes, **headers: str) -> tuple[int, Any]:
        """Send raw bytes to the API: HTTP status and the decoded answer."""
        asked = {"content-type": "application/json"} | {k.replace("_", "-"): v for k, v in headers.items()}
        request = urllib.request.Request(f"{self.backend.url}/graphql", body, asked)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as e:
            with e:
                return e.code, json.loads(e.read())

    def ask(self, document: str, token: str | None = None, **variables: Any) -> tuple[int, Any]:
        """Send a document, perhaps with a token."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return self.post(json.dumps({"query": document, "variables": variables}).encode(), **headers)

    def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Lay hands on the database."""
        with psycopg.connect(self.backend.dsn) as connection:
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    def run(self, run_id: str) -> dict[str, Any]:
        """A run with its history and task runs."""
        document = """query ($id: uuid!) { flow_run_by_pk(id: $id) {
            id state state_message version attempt times_resurrected scheduled_start_time start_time end_time
            states(order_by: {version: asc}) { state message version }
            task_runs { id state map_index attempt version task { slug } } } }"""
        found: dict[str, Any] = self.backend.graphql(document, id=run_id)["flow_run_by_pk"]
        return found

    def ended(self, run_id: str, *, state: str, timeout: float = 90.0) -> dict[str, Any]:
        """The run once it has ended, which must be in `state`."""
        found: dict[str, Any] = wait_until(f"run {run_id} ends", lambda: (r := self.run(run_id)) and is_final(r["state"]) and r, timeout)
        assert found["state"] == state, json.dumps(found, indent=1) + self.logs(run_id)
        return found

    def logs(self, run_id: str) -> str:
        with self.client as client:
            return "\n".join(f"{r['level']} {r['message']}" for r in client.get_logs(run_id))

    def agent(self, name: str, *options: str, kind: str = "local") -> subprocess.Popen[bytes]:
        """Start an agent; it is registered when this returns."""
        log = self.folder / f"{name}.log"
        with log.open("ab") as out:
            process = subprocess.Popen(
                [TOWPATH, "agent", kind, "start", "--name", name, *options],
                env=self.env(),
                cwd=self.folder,
                stdout=out,
                stderr=out,
                stdin=subprocess.DEVNULL,
            )
        self.agents.append(process)
        wait_until(f"agent {name} registers", lambda: f"Agent {name} registered" in log.read_text(), 240)
        return process

    def runners(self) -> list[psutil.Process]:
        """The runner processes of this home, without what they have forked."""
        found = {}
        for p in psutil.process_iter(["cmdline", "ppid"]):
            line = p.info["cmdline"] or []
            if "towpath.runner" in line and any(str(self.home) in word for word in line):
                found[p.pid] = p
        return [p for p in found.values() if p.info["ppid"] not in found]

    def stop_agent(self, process: subprocess.Popen[bytes]) -> None:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self.agents.remove(process)

    def close(self) -> None:
        for process in list(self.agents):
            self.stop_agent(process)
        for runner in self.runners():
            os.kill(runner.pid, signal.SIGTERM)
        self.backend.close()


@pytest.fixture(scope="session")
def until() -> Callable[..., Any]:
    """`until(what, probe, timeout)` waits for a true answer."""
    return wait_until


@pytest.fixture(scope="session")
def make_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Site]]:
    """`make_site(**options)` starts a backend with `Backend`'s options; whoever makes one closes it."""

    def make(**options: Any) -> Site:
        return Site(Backend(**options).start(), tmp_path_factory.mktemp("site"))

    return make


@pytest.fixture(scope="module")
def empty_site(make_site: Callable[..., Site]) -> Iterator[Site]:
    """A backend for this module, without an agent."""
    site = make_site()
    yield site
    site.close()


@pytest.fixture(scope="module")
def site(empty_site: Site) -> Site:
    """A backend and an agent for this module."""
    empty_site.agent("everyday")
    return empty_site
