"""`towpath doctor` against a whole backend, and against one of which a part is truly broken: it names the hop."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from towpath_server.testing import Backend, free_port

TOWPATH = str(Path(sys.executable).parent / "towpath")


class Doctor:
    """The command, for one address."""

    def __init__(self, url: str, home: Path, **env: str) -> None:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("TOWPATH_")}
        self._env = {**kept, "TOWPATH_API_URL": url, "TOWPATH_HOME": str(home), "TOWPATH_DATA_DIR": str(home / "no server"), **env}

    def ask(self, *, expect: int) -> dict[str, dict[str, Any]]:
        """The findings by name; the exit status must be `expect`."""
        done = subprocess.run([TOWPATH, "doctor", "--json"], env=self._env, capture_output=True, text=True, check=False, timeout=90)
        assert done.returncode == expect, done.stdout + done.stderr
        answer = json.loads(done.stdout)
        assert answer["ok"] == (expect == 0)
        return {finding["name"]: finding for finding in answer["findings"]}

    def say(self) -> str:
        """What a person reads."""
        return subprocess.run([TOWPATH, "doctor"], env=self._env, capture_output=True, text=True, check=False, timeout=90).stdout


def broken(findings: dict[str, dict[str, Any]]) -> set[str]:
    assert all(f["advice"] for f in findings.values() if f["status"] == "failed"), str(findings)
    return {name for name, f in findings.items() if f["status"] == "failed"}


@contextlib.contextmanager
def frozen(backend: Backend, word: str) -> Iterator[None]:
    """A part of the backend stands still: it keeps its connections and answers nothing."""
    parts = [p for p in psutil.Process(backend.pid).children(recursive=True) if word in " ".join(p.cmdline()) or word in p.name()]
    assert parts, f"no {word} runs"
    for part in parts:
        part.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for part in reversed(parts):
            with contextlib.suppress(psutil.NoSuchProcess):
                part.send_signal(signal.SIGCONT)


def test_a_whole_backend_is_well(backend: Backend, tmp_path: Path):
    """Every hop is named and fine; the only thing to say is that no agent is alive; nothing is left behind."""
    doctor = Doctor(backend.url, tmp_path, TOWPATH_DATA_DIR=str(backend.directory))
    findings = doctor.ask(expect=0)
    expected = {
        "settings",
        "network",
        "gateway",
        "service graphql",
        "service bus",
        "identity",
        "reading",
        "writing",
        "subscriptions",
        "events",
    }
    assert expected | {"clock", "versions", "trust", "due runs", "local server", "disk"} <= {
        n for n, f in findings.items() if f["status"] == "ok"
    }
    assert findings["agents"]["status"] == "warning"
    assert "towpath agent local start" in findings["agents"]["advice"]
    assert backend.graphql("{ agent { id } }") == {"agent": []}
    assert "All is well" in doctor.say()


def test_events_that_do_not_arrive(backend: Backend, tmp_path: Path):
    """With NATS standing still everything else works, and doctor says that events are not delivered."""
    with frozen(backend, "nats-server"):
        findings = Doctor(backend.url, tmp_path).ask(expect=1)
    assert "events" in broken(findings)
    assert broken(findings) <= {"events", "service bus"}
    assert "NATS" in findings["events"]["advice"]
    assert findings["writing"]["status"] == "ok"


def test_a_database_that_stands_still(backend: Backend, tmp_path: Path):
    """The gateway answers; the services that need the database, and reading or writing, are named; doctor itself never hangs."""
    with frozen(backend, "postgres"):
        findings = Doctor(backend.url, tmp_path).ask(expect=1)
    assert findings["network"]["status"] == findings["gateway"]["status"] == "ok"
    assert {"service graphql", "service read"} & broken(findings)
    assert broken(findings) & {"reading", "writing", "identity"}
    assert "PostgreSQL" in findings["service graphql"]["advice"] + findings["service read"]["advice"]


def test_a_gateway_that_hangs_and_one_that_is_gone(tmp_path: Path):
    """A port that takes connections and says nothing is told apart from one where nobody listens."""
    with Backend() as backend:
        doctor = Doctor(backend.url, tmp_path)
        os.kill(backend.pid, signal.SIGSTOP)
        try:
            findings = doctor.ask(expect=1)
        finally:
            os.kill(backend.pid, signal.SIGCONT)
        assert broken(findings) == {"gateway"}
        assert "does not answer within" in findings["gateway"]["detail"]
        backend.stop()
        findings = doctor.ask(expect=1)
    assert broken(findings) == {"network"}
    assert "towpath server start" in findings["network"]["advice"]
    assert findings["everything else"]["status"] == "skipped"


def test_a_run_that_nobody_takes(backend: Backend, tmp_path: Path):
    """A run that is overdue because no live agent has its labels is named, with the command that starts one."""
    value = {"name": "lonely", "tasks": [], "edges": [], "parameters": [], "reference_tasks": []}
    document = "mutation ($input: register_flow_input!) { register_flow(input: $input) { flow_id } }"
    flow = backend.graphql(document, input={"serialized_flow": value})["register_flow"]["flow_id"]
    document = "mutation ($input: create_flow_run_input!) { create_flow_run(input: $input) { id } }"
    run = {"flow_id": flow, "labels": ["gpu"], "flow_run_name": "patient-one", "scheduled_start_time": "2020-01-01T00:00:00Z"}
    made = backend.graphql(document, input=run)["create_flow_run"]["id"]
    try:
        findings = Doctor(backend.url, tmp_path).ask(expect=1)
    finally:
        backend.graphql("mutation ($i: cancel_flow_run_input!) { cancel_flow_run(input: $i) { state } }", i={"flow_run_id": made})
    assert broken(findings) == {"due runs"}
    assert "patient-one is overdue: No live agent serves this run (labels gpu" in findings["due runs"]["detail"]
    # it came without code, so it is a flow of Prefect 1's
    assert "prefect agent local start --label gpu" in findings["due runs"]["advice"]


def test_wrong_credentials(backend: Backend, tmp_path: Path):
    """A key that nobody knows is a matter of identity, not of the network."""
    findings = Doctor(backend.url, tmp_path, TOWPATH_API_KEY="twk_" + "x" * 43).ask(expect=1)
    assert broken(findings) == {"identity"}
    assert "TOWPATH_API_KEY" in findings["identity"]["advice"]


def test_another_program_at_the_address(tmp_path: Path):
    """A web server that is no gateway is recognised as such."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        findings = Doctor(f"http://127.0.0.1:{other.server_address[1]}", tmp_path).ask(expect=1)
        other.shutdown()
    assert broken(findings) == {"gateway"}
    assert "not Towpath's" in findings["gateway"]["detail"]


@pytest.mark.parametrize(
    ("env", "name", "says"),
    [
        ({"TOWPATH_API_URL": "localhost"}, "settings", "write it like"),
        ({"TOWPATH_API_URL": f"http://127.0.0.1:{free_port()}"}, "network", "refused"),
        ({"TOWPATH_API_URL": "http://no-such-host.invalid"}, "network", "has no address"),
    ],
)
def test_settings_that_lead_nowhere(tmp_path: Path, env: dict[str, str], name: str, says: str):
    """What is wrong before the first byte is sent is told as that."""
    done = subprocess.run(
        [TOWPATH, "doctor"],
        env={**os.environ, "TOWPATH_HOME": str(tmp_path), **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    (line,) = [line for line in done.stdout.splitlines() if line.lstrip(" ✗x").startswith(name) and says in line]
    assert line
