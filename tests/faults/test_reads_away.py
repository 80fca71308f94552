"""The read back end is away or deaf, each service a process of its own: writes go on, and reads say why they cannot."""

from __future__ import annotations

import base64
import hashlib
import json
import signal
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from towpath_server.testing import Backend

pytestmark = pytest.mark.faults


@pytest.fixture
def backend() -> Iterator[Backend]:
    """One process per service, and little patience between them."""
    with Backend(processes=True, env={"TOWPATH_UPSTREAM_TIMEOUT": "2"}) as running:
        yield running


def _get(backend: Backend, path: str) -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(f"{backend.url}{path}", timeout=30) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as e:
        return e.code, json.loads(e.read())


def _ask(backend: Backend, query: str) -> tuple[int, Any]:
    body = json.dumps({"query": query}).encode()
    request = urllib.request.Request(f"{backend.url}/", body, {"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as e:
        return e.code, json.loads(e.read())


def _reader(backend: Backend) -> psutil.Process:
    """The read engine's process; another one after each death."""
    children = psutil.Process(backend.pid).children()
    (found,) = [p for p in children if any("towpath_read_engine" in word for word in p.cmdline())]
    return found


def _register(backend: Backend) -> str:
    given = {
        "serialized_flow": {"name": "canal", "tasks": [{"slug": "a-1", "name": "a"}], "edges": [], "parameters": []},
        "code": base64.b64encode(b"code").decode(),
        "code_hash": hashlib.sha256(b"code").hexdigest(),
        "signature": base64.b64encode(bytes(64)).decode(),
        "key_id": "k",
    }
    made = backend.graphql("mutation($i: register_flow_input!) { register_flow(input: $i) { flow_id } }", i=given)
    return str(made["register_flow"]["flow_id"])


def test_writes_go_on_while_reads_are_away(backend: Backend, until) -> None:
    """A read engine that hangs, then dies: reads are TIMEOUT or UNAVAILABLE, mixed ones have no data, writes work; all heals by itself."""
    flow = _register(backend)

    def write() -> str:
        query = "mutation($i: create_flow_run_input!) { create_flow_run(input: $i) { id } }"
        return str(backend.graphql(query, i={"flow_id": flow})["create_flow_run"]["id"])

    runs = [write()]
    reader = _reader(backend)
    reader.send_signal(signal.SIGSTOP)
    try:
        for query in ("{ flow_run { id } }", "{ flow_run { id } hello }", '{ __type(name: "flow") { name } }'):
            status, answer = _ask(backend, query)
            assert status in (503, 504), answer
            assert answer["errors"][0]["extensions"]["code"] in ("TIMEOUT", "UNAVAILABLE"), answer
            assert not answer.get("data")
        runs.append(write())
        assert _get(backend, "/health/ready")[0] == 200
        status, health = _get(backend, "/health")
        assert (status, health["services"]["read"]["status"]) == (503, "unavailable")
        assert health["services"]["graphql"]["status"] == "ready"
    finally:
        reader.kill()
    refused = []
    for _ in range(20):
        status, answer = _ask(backend, "{ flow_run { id } }")
        if status != 200:
            refused.append((status, answer["errors"][0]["extensions"]["code"]))
        runs.append(write())
    assert set(refused) <= {(503, "UNAVAILABLE"), (504, "TIMEOUT")}
    until("reads are answered", lambda: _ask(backend, "{ flow_run { id } }")[0] == 200 or None)
    assert {row["id"] for row in backend.graphql("{ flow_run { id } }")["flow_run"]} == set(runs)
    assert backend.graphql('{ __type(name: "flow") { name } }') == {"__type": {"name": "flow"}}
