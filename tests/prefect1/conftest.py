"""The unmodified prefect==1.4.1 against a real backend: its own interpreter, its own home, its agents and commands as processes.

One backend, one agent and one set of registered flows serve the whole job, for each start of that client costs a second of CPU.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from towpath_proto.states import is_final
from towpath_server.testing import Backend

VENV = Path(__file__).parents[2] / ".cache" / "prefect1-venv" / "bin"
FLOWS = Path(__file__).parent / "flows"
PROJECT = "river"
QUICK = {
    "PREFECT__CLOUD__CHECK_CANCELLATION_INTERVAL": "1",
    "PREFECT__CLOUD__QUEUE_INTERVAL": "1",
    "PREFECT__CLOUD__LOGGING_HEARTBEAT": "1",
}
"""The client's own settings, so that nobody waits 15 s for a cancellation; what it sends stays the same."""
ASKED = "import json, sys\ngiven = json.loads(sys.argv[1])\n{source}\nprint('\\n' + json.dumps(answer, default=str))\n"


def wait_until(what: str, probe: Callable[[], Any], timeout: float = 90.0) -> Any:
    """The first true answer of `probe`; fails with `what` when there is none in time. Real processes have no clock to inject."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if answer := probe():
            return answer
        time.sleep(0.05)
    raise AssertionError(f"not within {timeout:g} s: {what}")


@dataclass
class Prefect1:
    """A backend, and a user who has prefect==1.4.1 installed and points it there."""

    backend: Backend
    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    flows: dict[str, str] = field(default_factory=dict)
    flows_folder: Path = FLOWS
    agents: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def home(self) -> Path:
        path = self.folder / "home"
        path.mkdir(exist_ok=True)
        return path

    def env(self, **more: str) -> dict[str, str]:
        """What its processes see: nothing of Towpath's, and of Prefect's only where the API is."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("TOWPATH_", "PREFECT__"))}
        url = self.backend.url
        point = {"PREFECT__BACKEND": "server", "PREFECT__SERVER__ENDPOINT": url, "PREFECT__CLOUD__API": url}
        return kept | point | QUICK | {"HOME": str(self.home), "COLUMNS": "300"} | self.settings | more

    def execute(self, command: Sequence[str], expect: int | None = 0, **env: str) -> subprocess.CompletedProcess[str]:
        """Run a program of the client's environment; its exit status must be `expect`."""
        program, *arguments = command
        run = subprocess.run(
            [VENV / program, *arguments], env=self.env(**env), cwd=self.folder, capture_output=True, text=True, check=False, timeout=120
        )
        assert expect is None or run.returncode == expect, f"{command} ended {run.returncode}:\n{run.stdout}{run.stderr}"
        return run

    def cli(self, *arguments: str, expect: int | None = 0, **env: str) -> str:
        """What `prefect …` prints on both of its outputs."""
        run = self.execute(["prefect", *arguments], expect, **env)
        return run.stdout + run.stderr

    def ask(self, source: str, **given: Any) -> Any:
        """Run Python in the client's environment; it finds `given` and leaves `answer`, which comes back through JSON."""
        run = self.execute(["python", "-W", "ignore", "-c", ASKED.format(source=source), json.dumps(given)])
        return json.loads(run.stdout.splitlines()[-1])

    def query(self, document: str, **variables: Any) -> Any:
        """What the backend answers to a document of ours."""
        return self.backend.graphql(document, **variables)

    def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Look into the database."""
        with psycopg.connect(self.backend.dsn) as connection:
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    def create(self, flow: str, **given: Any) -> str:
        """A run of a registered flow, made by the API; its id."""
        document = "mutation ($i: create_flow_run_input!) { create_flow_run(input: $i) { id } }"
        return str(self.query(document, i={"flow_id": self.flows[flow], **given})["create_flow_run"]["id"])

    def run(self, run_id: str) -> dict[str, Any]:
        """A run with its history and that of its task runs."""
        document = """query ($id: uuid!) { flow_run_by_pk(id: $id) {
            id name state state_message version attempt times_resurrected start_time end_time agent { name } labels parameters
            serialized_state states(order_by: {version: asc}) { state message version timestamp }
            task_runs(order_by: {map_index: asc}) { id name state state_message map_index attempt version serialized_state
              task { slug } states(order_by: {version: asc}) { state message version timestamp } } } }"""
        return dict(self.query(document, id=run_id)["flow_run_by_pk"])

    def ended(self, run_id: str, *states: str, timeout: float = 90.0) -> dict[str, Any]:
        """The run once it and its processes, which send their last log lines then, have ended; it must be in one of `states`."""
        found: dict[str, Any] = wait_until(f"run {run_id} ends", lambda: (r := self.run(run_id)) and is_final(r["state"]) and r, timeout)
        wait_until(f"the processes of run {run_id} end", lambda: not self.processes(run_id))
        assert found["state"] in (states or ("Success",)), json.dumps(found, indent=1) + "\n".join(self.logs(run_id))
        return found

    def reaches(self, run_id: str, state: str, timeout: float = 90.0) -> dict[str, Any]:
        """The run once it is in `state`."""
        found: dict[str, Any] = wait_until(f"run {run_id} is {state}", lambda: (r := self.run(run_id))["state"] == state and r, timeout)
        return found

    @staticmethod
    def history(run: dict[str, Any]) -> str:
        """The states that a flow run or a task run has been in, in order."""
        return " ".join(s["state"] for s in run["states"])

    @staticmethod
    def task_runs(run: dict[str, Any], slug: str) -> list[dict[str, Any]]:
        """The task runs of one task; of a mapped one the parent first."""
        return [t for t in run["task_runs"] if t["task"]["slug"] == slug]

    def logs(self, run_id: str) -> list[str]:
        """The run's log, oldest line first."""
        document = "query ($id: uuid!) { log(where: {flow_run_id: {_eq: $id}}, order_by: {timestamp: asc}) { level message } }"
        return [f"{r['level']} {r['message']}" for r in self.query(document, id=run_id)["log"]]

    @property
    def labels(self) -> list[str]:
        """What the registered flows are labelled: as asked for, and with the host whose disk holds them, as the client does by itself."""
        return sorted(["river", socket.gethostname()])

    def agent(self, name: str, *labels: str, **env: str) -> subprocess.Popen[bytes]:
        """Start `prefect agent local start`; it waits for runs when this returns."""
        log = self.folder / f"{name}.log"
        options = [word for label in labels for word in ("--label", label)]
        with log.open("ab") as out:
            process = subprocess.Popen(
                [VENV / "prefect", "agent", "local", "start", "--show-flow-logs", "--name", name, *options],
                env=self.env(**env),
                cwd=self.folder,
                stdout=out,
                stderr=out,
                stdin=subprocess.DEVNULL,
            )
        self.agents.append(process)
        wait_until(f"agent {name} registers", lambda: "Waiting for flow runs" in log.read_text())
        return process

    def processes(self, word: str) -> list[psutil.Process]:
        """The processes of this user whose environment or command names `word`, agents left out."""
        agents = {a.pid for a in self.agents}

        def named(process: psutil.Process) -> bool:
            env = process.environ()
            mine = env.get("HOME") == str(self.home) and process.pid not in agents
            return mine and (word in " ".join(process.cmdline()) or word == env.get("PREFECT__CONTEXT__FLOW_RUN_ID"))

        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                if named(process):
                    found.append(process)
        return found

    def stop(self, agent: subprocess.Popen[bytes]) -> None:
        """End an agent in an orderly way."""
        agent.terminate()
        try:
            agent.wait(20)
        except subprocess.TimeoutExpired:
            agent.kill()
            agent.wait()
        self.agents.remove(agent)

    def close(self) -> None:
        for agent in list(self.agents):
            self.stop(agent)
        for process in self.processes(""):
            process.kill()
        self.backend.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is lost is lost first and looked at last, for 90 s pass in between."""
    items.sort(key=lambda i: 0 if i.name == "test_runs_are_lost" else 2 if "lost" in getattr(i, "fixturenames", ()) else 1)


@pytest.fixture(scope="session")
def until() -> Callable[..., Any]:
    """`until(what, probe, timeout)` waits for a true answer."""
    return wait_until


@pytest.fixture(scope="session")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prefect1]:
    """The user, with nothing registered and no agent."""
    assert (VENV / "prefect").exists(), "prefect==1.4.1 is not installed: `make test-prefect` does that, in .cache/prefect1-venv"
    user = Prefect1(Backend().start(), tmp_path_factory.mktemp("prefect1"))
    yield user
    user.close()


@pytest.fixture(scope="session")
def registered(client: Prefect1) -> Prefect1:
    """The flows of flows/, registered by `prefect register` in a project made by `prefect create project`."""
    client.cli("create", "project", PROJECT, "--description", "Flows of the tests.")
    printed = client.cli("register", "--project", PROJECT, "--path", str(FLOWS), "--label", "river")
    client.flows = {n: str(i) for n, i in client.sql("select f.name, f.id from flow f where not f.archived")}
    assert f"{len(client.flows)} registered" in printed, printed
    return client


@pytest.fixture(scope="session")
def site(registered: Prefect1) -> Prefect1:
    """The registered flows and an agent that serves them."""
    registered.agent("everyday", "river", "narrow")
    return registered
