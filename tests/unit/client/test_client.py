"""The client's methods: what they send."""

from __future__ import annotations

import base64
import os
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from towpath import Flow, task
from towpath.client import Client, Settings
from towpath.client.keys import SigningKey
from towpath.client.testing import TENANT, FakeApi, Refusal
from towpath.run_configs import LocalRun
from towpath_proto.errors import Code, TowpathError
from towpath_proto.signing import code_hash

__towpath_script__ = True


@task
def one() -> int:
    return 1


def _flow(**options: object) -> Flow:
    with Flow("counting", **options) as flow:  # type: ignore[arg-type]
        one()
    return flow


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with FakeApi() as fake:
        yield fake


@pytest.fixture
def client(api: FakeApi, tmp_path: Path) -> Iterator[Client]:
    with Client(settings=Settings.from_env({"TOWPATH_API_URL": api.url, "TOWPATH_HOME": str(tmp_path)})) as client:
        yield client


def test_registering_sends_graph_and_signed_code(api: FakeApi, client: Client, tmp_path: Path):
    """Graph, code, hash and a valid signature arrive; the public key is made known; the same flow again is the same version."""
    first, second = client.register_flow(_flow(), "weather"), client.register_flow(_flow(), "weather")
    sent = api.of("register_flow")[0]["input"]
    blob = base64.b64decode(sent["code"])
    key = SigningKey.load(tmp_path)
    assert key is not None
    assert (sent["project_name"], sent["code_hash"], sent["key_id"]) == ("weather", code_hash(blob), key.key_id)
    expected = key.sign(code_sha256=code_hash(blob), tenant_id=TENANT, flow_name="counting")
    assert base64.b64decode(sent["signature"]) == expected
    assert [t["slug"] for t in sent["serialized_flow"]["tasks"]] == ["one-1"]
    assert api.of("add_signing_key")[0]["input"]["public_key"] == key.text
    assert (first.created, second.created, first.flow_id) == (True, False, second.flow_id)


def test_labels_are_added_to_those_of_the_run_config(api: FakeApi, client: Client):
    """Labels given at registration join the run config's; the flow itself is not changed."""
    flow = _flow(run_config=LocalRun(labels=["a"]))
    client.register_flow(flow, labels=["b"])
    assert api.of("register_flow")[0]["input"]["serialized_flow"]["run_config"]["labels"] == ["a", "b"]
    assert flow.run_config is not None
    assert flow.run_config.labels == {"a"}


def test_a_creation_always_carries_an_idempotency_key_and_keeps_it_when_repeated(api: FakeApi, client: Client):
    """Each run gets a key of its own; a request that is sent again is the same request."""
    api.answers["create_flow_run"] = lambda v: {"id": v["input"]["idempotency_key"]}
    ids = {client.create_flow_run("f", parameters={"x": 1}) for _ in range(2)}
    api.http_failures = [503]
    client.create_flow_run("f", idempotency_key="mine", run_config=LocalRun(working_dir="/tmp"))
    assert len(ids) == 2
    last = api.of("create_flow_run")[-1]["input"]
    assert (last["idempotency_key"], last["run_config"]["type"], last["run_config"]["working_dir"]) == ("mine", "LocalRun", "/tmp")


def test_many_runs_are_created_in_one_call(api: FakeApi, client: Client):
    """create_flow_runs sends all items at once, each with a key of its own."""
    api.answers["create_flow_runs"] = lambda v: {"results": [{"id": str(n)} for n, _ in enumerate(v["input"]["runs"])]}
    assert [r["id"] for r in client.create_flow_runs([{"flow_id": "f"}, {"flow_id": "f", "labels": ["x"]}])] == ["0", "1"]
    sent = api.of("create_flow_runs")[0]["input"]["runs"]
    assert len({run["idempotency_key"] for run in sent}) == 2


def test_a_run_can_be_made_by_the_name_of_its_flow(api: FakeApi, client: Client):
    """The name is looked up; an unknown name is NOT_FOUND, one of several projects BAD_REQUEST."""
    api.answers["create_flow_run"] = lambda v: {"id": "r"}
    rows = [{"id": "f1", "name": "n", "project": {"name": "a"}}]
    api.answers["flow"] = lambda v: rows
    assert client.create_flow_run(flow_name="n", project_name="a") == "r"
    assert api.of("create_flow_run")[0]["input"]["flow_id"] == "f1"
    assert api.of("flow")[0]["where"] == {"name": {"_eq": "n"}, "project": {"name": {"_eq": "a"}}, "archived": {"_eq": False}}
    rows.append({"id": "f2", "name": "n", "project": {"name": "b"}})
    with pytest.raises(TowpathError, match="say which project") as caught:
        client.create_flow_run(flow_name="n")
    assert caught.value.code == Code.BAD_REQUEST
    rows.clear()
    with pytest.raises(TowpathError) as caught:
        client.create_flow_run(flow_name="n")
    assert caught.value.code == Code.NOT_FOUND


def test_wrong_calls_are_refused_before_they_are_sent(api: FakeApi, client: Client):
    """No flow at all, and a time without a zone, are BAD_REQUEST."""
    with pytest.raises(TowpathError, match="Say of which flow"):
        client.create_flow_run()
    with pytest.raises(TowpathError, match="time zone"):
        client.create_flow_run("f", scheduled_start_time=datetime(2026, 1, 1))  # noqa: DTZ001
    assert api.requests == []


def test_a_subscription_survives_a_restart_of_the_api(api: FakeApi, client: Client):
    """Events come; after a lost connection there is another one, and the caller is told of each."""
    stop, connected, lost = threading.Event(), [], []
    events = client.subscribe(
        "subscription { agent_work { reason } }", stop=stop, on_connect=lambda: connected.append(1), on_disconnect=lost.append
    )
    got: list[object] = []

    def listen() -> None:
        for event in events:
            got.append(event)
            with api.changed:
                api.changed.notify_all()

    thread = threading.Thread(target=listen, daemon=True)  # a failed test must not keep the process from ending
    thread.start()
    api.wait_for(lambda: api.sockets)
    api.ring({"n": 1})
    api.wait_for(lambda: got)
    api.stop()
    api.start()
    api.wait_for(lambda: api.sockets)
    api.ring({"n": 2})
    api.wait_for(lambda: len(got) == 2)
    stop.set()
    thread.join(5)
    assert got == [{"n": 1}, {"n": 2}]
    assert (len(connected), bool(lost), thread.is_alive()) == (2, True, False)


def test_an_unknown_run_is_not_found(api: FakeApi, client: Client):
    """get_flow_run raises NOT_FOUND for an id that the API does not know; errors of the API pass through."""
    api.answers["flow_run_by_pk"] = lambda v: None
    with pytest.raises(TowpathError) as caught:
        client.get_flow_run("x")
    assert caught.value.code == Code.NOT_FOUND
    api.failures["cancel_flow_run"] = [Refusal("FORBIDDEN", "no")]
    with pytest.raises(TowpathError) as caught:
        client.cancel_flow_run("x")
    assert caught.value.code == Code.FORBIDDEN


def test_importing_the_client_imports_no_http_library():
    """`import towpath.client` loads neither urllib3 nor cryptography nor websockets."""
    import subprocess
    import sys

    program = "import sys, towpath.client; print([m for m in ('urllib3', 'cryptography', 'websockets', 'asyncio') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env={**os.environ})
    assert done.stdout.strip() == "[]"
