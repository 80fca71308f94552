"""Secrets in flows: where they are looked for, and where they never are."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

import towpath
from towpath import Flow, task
from towpath.client import Secret
from towpath.client.testing import FakeApi
from towpath.client.testing import Refusal as ApiRefusal
from towpath.engine.run import FlowRun
from towpath.engine.state import Success
from towpath.errors import FlowError, MissingSecretError
from towpath.tasks.secrets import EnvVarSecret, PrefectSecret
from towpath.testing import MemoryReporter


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeApi]:
    for name in [n for n in os.environ if n.startswith("TOWPATH_")]:
        monkeypatch.delenv(name)
    with FakeApi() as fake:
        monkeypatch.setenv("TOWPATH_API_URL", fake.url)
        yield fake


@task
def use(secret: Any) -> int:
    return len(str(secret))


def test_where_a_secret_is_looked_for(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    """The context first, then the environment, then, in a run of an API, that API; JSON is read as JSON."""
    api.answers["secret_value"] = lambda variables: "from the API"
    api.answers["secret_names"] = lambda variables: ["DB"]
    with towpath.context(running_with_backend=True):
        assert (Secret("DB").get(), Secret("DB").exists(), Secret("X").exists()) == ("from the API", True, False)
        monkeypatch.setenv("TOWPATH_SECRET__DB", '{"user": "ann"}')
        assert Secret("DB").get() == {"user": "ann"}
        with towpath.context(secrets={"DB": 7}):
            assert (Secret("DB").get(), Secret("DB").exists()) == (7, True)
    assert [v["name"] for v in api.of("secret_value")] == ["DB"]


def test_a_local_run_asks_no_api_unless_it_is_told_to(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence says how to have the secret here; a setting lets the API be asked."""
    api.answers["secret_value"] = lambda variables: "from the API"
    with pytest.raises(ValueError, match="TOWPATH_SECRET__DB") as caught:
        Secret("DB").get()
    assert str(caught.value).startswith("Local Secret 'DB' was not found")
    assert not Secret("DB").exists()
    assert api.requests == []
    monkeypatch.setenv("TOWPATH_USE_LOCAL_SECRETS", "false")
    assert Secret("DB").get() == "from the API"


def test_a_missing_secret_is_a_key_error(api: FakeApi) -> None:
    """As in Prefect 1; the sentence names the command that sets it. Other refusals stay what they are."""
    api.failures["secret_value"] = [
        ApiRefusal("NOT_FOUND", "No value found for the requested key"),
        ApiRefusal("FORBIDDEN", "Not for you."),
    ]
    with towpath.context(running_with_backend=True):
        with pytest.raises(KeyError) as caught:
            Secret("DB").get()
        assert isinstance(caught.value, MissingSecretError)
        assert "towpath secret set DB" in str(caught.value)
        with pytest.raises(towpath.errors.TowpathError, match="Not for you"):
            Secret("DB").get()


def test_a_secret_is_not_read_while_a_flow_is_built(api: FakeApi) -> None:
    """Its value would become part of the flow's code."""
    with towpath.context(secrets={"DB": "x"}), pytest.raises(FlowError, match="PrefectSecret"), Flow("f"):
        Secret("DB").get()


def test_the_task_gives_the_value_and_stores_it_nowhere(tmp_path: Any) -> None:
    """With checkpointing on and a result on the flow, the secret's value is in no file and no report; what is made of it is as ever."""
    from towpath.engine.results import LocalResult

    with Flow("f", result=LocalResult(dir=str(tmp_path))) as flow:
        length = use(PrefectSecret("DB"))
    reporter = MemoryReporter()
    state = FlowRun(flow, reporter=reporter, checkpointing=True, context={"secrets": {"DB": "pa55word"}}).run()
    assert state.result[length].result == 8
    reports = [s.to_dict() for _, _, s, _ in reporter.task_states]
    assert "pa55word" not in repr(reports)
    files = [p for p in tmp_path.rglob("*") if p.is_file()]
    assert len(files) == 1
    assert b"pa55word" not in files[0].read_bytes()


def test_a_resumed_run_reads_the_secret_again() -> None:
    """What an earlier process read is not known to this one."""
    with Flow("f") as flow:
        length = use(PrefectSecret("DB"))
    initial = {("DB-1", -1): Success("Task run succeeded.")}
    reporter = MemoryReporter()
    run = FlowRun(flow, reporter=reporter, initial_states=initial, context={"secrets": {"DB": "another"}})
    assert run.run().result[length].result == 7
    assert reporter.kinds("DB-1") == []


def test_a_variable_of_the_environment_as_a_task(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read where the task runs, cast, None when it is not set, or a failure where that is asked for."""
    monkeypatch.setenv("PORT_OF_DB", "5432")
    monkeypatch.delenv("NOT_THERE", raising=False)
    with Flow("f") as flow:
        port, absent = EnvVarSecret("PORT_OF_DB", cast=int)(), EnvVarSecret("NOT_THERE")()
        needed = EnvVarSecret("NOT_THERE", raise_if_missing=True)()
    state = flow.run()
    assert (state.result[port].result, state.result[absent].result) == (5432, None)
    assert state.result[needed].is_failed()
    assert "'NOT_THERE' is not set" in str(state.result[needed].result)


@pytest.mark.parametrize("option", [{"result": object()}, {"target": "x"}, {"checkpoint": True}, {"cache_for": 5}])
def test_a_secret_cannot_be_stored(option: Any) -> None:
    """Options that would write the value somewhere are refused."""
    with pytest.raises(FlowError, match="would store its value"):
        PrefectSecret("DB", **option)
