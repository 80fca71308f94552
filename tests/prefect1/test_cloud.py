"""What Prefect 1 had in its cloud only: the unmodified client reaches it with `backend = "cloud"` and the endpoint pointed here."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

KEPT = """
from prefect import Client
from prefect.backend import delete_key, get_key_value, list_keys, set_key_value
from prefect.client import Secret
def refusal(call, *words):
    try:
        return call(*words)
    except Exception as e:
        return type(e).__name__ + ": " + str(e)[:60]
client = Client()
client.set_secret("word", "open sesame")
client.set_secret("crew", {"ann": [1, 2]})
answer = {
    "secrets": [Secret("word").get(), Secret("crew").get(), refusal(Secret("none").get)],
    "keys": [len(set_key_value("tide", 3)), get_key_value("tide"), list_keys(), delete_key("tide"), list_keys()],
    "no key": [refusal(get_key_value, "tide"), refusal(delete_key, "tide"), refusal(set_key_value, "big", "x" * 20_000)],
}
"""
LIMITS = """
from prefect import Client
client = Client()
answer = []
for limit in (2, 1):
    client.update_task_tag_limit("rope", limit)
    answer.append(client.get_task_tag_limit("rope"))
(row,) = client.graphql({"query": {"task_tag_limit(where: {tag: {_eq: \\"rope\\"}})": "id"}}).data.task_tag_limit
client.delete_task_tag_limit(row.id)
answer.append(client.get_task_tag_limit("rope"))
"""


@pytest.fixture(scope="module")
def cloud(registered, tmp_path_factory):
    """A user of the same backend who has a key, and whose client takes it for the cloud."""
    document = 'mutation { create_api_key(input: {name: "of the tests", role: "admin"}) { key } }'
    key = registered.query(document)["create_api_key"]["key"]
    settings = {"PREFECT__BACKEND": "cloud", "PREFECT__CLOUD__ENDPOINT": registered.backend.url, "PREFECT__CLOUD__API_KEY": key}
    settings |= {"PREFECT__CLOUD__USE_LOCAL_SECRETS": "false"}
    user = replace(registered, folder=tmp_path_factory.mktemp("cloud"), settings=settings, agents=[])
    yield user
    for agent in list(user.agents):
        user.stop(agent)


def test_secrets_and_keys(cloud):
    """set_secret and Secret.get, set, get, list and delete of key values; what is not there is told in the client's own words."""
    kept = cloud.ask(KEPT)
    assert kept["secrets"][:2] == ["open sesame", {"ann": [1, 2]}]
    assert "The secret none was not found" in kept["secrets"][2]
    assert kept["keys"] == [36, 3, ["tide"], True, []]
    assert [sentence.split(":")[0] for sentence in kept["no key"]] == ["ValueError"] * 3


def test_a_flow_uses_them(cloud):
    """Under an agent with a key: a PrefectSecret task, Secret.get and the key-value store inside of a task."""
    cloud.cli("kv", "set", "tide", "6")
    cloud.agent("with a key", *cloud.labels, "cloud")
    run = cloud.ended(cloud.create("secretive", labels=["cloud"]))
    source = (
        "from prefect.backend import FlowRunView\nanswer = FlowRunView.from_flow_run_id(given['run']).get_task_run('use-1').get_result()"
    )
    assert cloud.ask(source, run=run["id"]) == [11, 11]
    assert "Key 'seen' has value 7" in cloud.cli("kv", "get", "seen")
    assert set(cloud.cli("kv", "list").split()) == {"seen", "tide"}
    assert "has been deleted" in cloud.cli("kv", "delete", "seen")
    assert not [line for line in cloud.logs(run["id"]) if "sesame" in line]


def test_keys_by_command(cloud):
    """auth status, login, create-key, list-keys, revoke-key, list-tenants, switch-tenants."""
    assert "You are authenticating with an API key" in cloud.cli("auth", "status")
    made = cloud.cli("auth", "create-key", "--name", "second", "--expire", (datetime.now(UTC) + timedelta(days=1)).isoformat(), "--quiet")
    key = made.split()[-1]
    ((key_id,),) = cloud.sql("select id::text from api_key where name = 'second'")
    assert key_id in cloud.cli("auth", "list-keys")
    fresh = {"PREFECT__CLOUD__API_KEY": ""}
    assert "Logged in to Prefect Cloud tenant" in cloud.cli("auth", "login", "--key", key, **fresh)
    assert "default" in cloud.cli("auth", "list-tenants", **fresh)
    assert "Tenant switched" in cloud.cli("auth", "switch-tenants", "--slug", "default", **fresh)
    assert "Key successfully revoked!" in cloud.cli("auth", "revoke-key", "--id", key_id)
    assert key_id not in cloud.cli("auth", "list-keys")


def test_limits_by_the_client(cloud):
    """update, get and delete of a task tag limit."""
    assert cloud.ask(LIMITS) == [2, 1, None]


def test_a_task_tag_limit_is_kept_by_the_client(site, tmp_path):
    """Three tasks at once and a limit of one: the others are Queued and asked for again; they never overlap."""
    document = "mutation ($i: update_task_tag_limit_input!) { update_task_tag_limit(input: $i) { id } }"
    site.query(document, i={"tag": "one at a time", "limit": 1})
    trace = tmp_path / "trace"
    run = site.ended(site.create("limited", parameters={"trace": str(trace)}))
    words = trace.read_text().split()
    assert words[0::4] == ["begin"] * 3
    assert words[2::4] == ["end"] * 3
    assert words[1::4] == words[3::4]
    histories = sorted(site.history(t) for t in site.task_runs(run, "hold-one at a time-1")[1:])
    assert histories[-1] == "Running Success"
    assert all(h.startswith("Queued") and h.endswith("Running Success") for h in histories[:-1]), histories


def test_a_flow_limit_holds_runs_back(site, tmp_path, until):
    """Two runs with a label whose limit is one: the second is taken when the first has ended."""
    document = "mutation ($i: update_flow_concurrency_limit_input!) { update_flow_concurrency_limit(input: $i) { id } }"
    site.query(document, i={"label": "narrow", "limit": 1})
    gate, labels = tmp_path / "gate", [*site.labels, "narrow"]
    first = site.create("waits", parameters={"trace": str(tmp_path / "one"), "gate": str(gate)}, labels=labels)
    until("the first begins", lambda: (tmp_path / "one").exists())
    second = site.create("note", parameters={"trace": str(tmp_path / "two")}, labels=labels)
    after = site.create("note", parameters={"trace": str(tmp_path / "three")})
    site.ended(after)  # one that is not under the limit, taken by the same agent later
    assert site.run(second)["state"] in ("Scheduled", "Queued")
    gate.touch()
    assert site.ended(first)["end_time"] <= site.ended(second)["start_time"]
