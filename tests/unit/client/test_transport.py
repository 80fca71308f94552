"""The client's transport against a real HTTP server on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from towpath.client import Settings
from towpath.client.testing import FakeApi, Refusal
from towpath.client.transport import Transport, backoff
from towpath_proto.errors import Code, TowpathError

QUERY = "query { auth_info { tenant_id } }"


class FakeTime:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def clock(self) -> float:
        return self.now


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with FakeApi() as fake:
        yield fake


def _settings(api: FakeApi, home: Path, **more: str) -> Settings:
    return Settings.from_env({"TOWPATH_API_URL": api.url, "TOWPATH_HOME": str(home), **more})


def _transport(settings: Settings) -> tuple[Transport, FakeTime]:
    time = FakeTime()
    return Transport(settings, sleep=time.sleep, clock=time.clock), time


def test_a_request_carries_the_key_and_uses_one_connection(api: FakeApi, tmp_path: Path):
    """The bearer token is sent, and the connection is kept for the next request."""
    transport, _ = _transport(_settings(api, tmp_path, TOWPATH_API_KEY="secret"))
    for _ in range(3):
        transport.graphql(QUERY)
    assert {h["authorization"] for h in api.headers} == {"Bearer secret"}
    assert len(api._connections) == 1
    transport.close()


@pytest.mark.parametrize("status", [502, 503, 504])
def test_an_api_that_is_not_available_is_asked_again(api: FakeApi, tmp_path: Path, status: int):
    """502, 503 and 504 lead to further tries with growing pauses, and then to the answer."""
    api.http_failures = [status, status, status]
    transport, time = _transport(_settings(api, tmp_path))
    assert transport.graphql(QUERY)["auth_info"]
    assert len(time.slept) == 3
    assert time.slept[2] > time.slept[0]
    transport.close()


def test_patience_ends(api: FakeApi, tmp_path: Path):
    """After the patience is used up the failure is raised, with its code."""
    api.http_failures = [503] * 100
    transport, time = _transport(_settings(api, tmp_path))
    with pytest.raises(TowpathError) as caught:
        transport.graphql(QUERY, patience=3.0)
    assert caught.value.code == Code.UNAVAILABLE
    assert 1.0 < time.now <= 3.0
    transport.close()


def test_an_api_that_is_not_there(api: FakeApi, tmp_path: Path):
    """A refused connection is UNREACHABLE; the sentence names the address and says how to start a server."""
    settings = _settings(api, tmp_path)
    api.stop()
    transport, _ = _transport(settings)
    with pytest.raises(TowpathError) as caught:
        transport.graphql(QUERY, patience=0)
    assert caught.value.code == Code.UNREACHABLE
    assert caught.value.message == (
        f"Cannot reach the Towpath API at {api.url} (connection refused). Start a server with `towpath server start`, "
        "or set TOWPATH_API_URL to the address of one that runs."
    )


def test_an_answer_that_hangs_is_given_up(tmp_path: Path):
    """A server that accepts and never answers costs no more than the timeout."""
    import socket

    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        settings = Settings.from_env({"TOWPATH_API_URL": f"http://127.0.0.1:{deaf.getsockname()[1]}", "TOWPATH_HOME": str(tmp_path)})
        transport, _ = _transport(settings)
        with pytest.raises(TowpathError) as caught:
            transport.graphql(QUERY, timeout=0.1, patience=0)
        transport.close()
    assert "no answer in time" in caught.value.message


def test_errors_of_the_api_are_not_repeated(api: FakeApi, tmp_path: Path):
    """An error that the API gives on purpose is raised at once, with its code."""
    api.failures["auth_info"] = [Refusal("FORBIDDEN", "not for you")]
    transport, time = _transport(_settings(api, tmp_path))
    with pytest.raises(TowpathError) as caught:
        transport.graphql(QUERY)
    assert (caught.value.code, caught.value.message, time.slept) == (Code.FORBIDDEN, "not for you", [])
    transport.close()


def test_a_connection_that_was_closed_meanwhile_is_replaced(api: FakeApi, tmp_path: Path):
    """A server that restarted between two requests is noticed by nobody."""
    transport, _ = _transport(_settings(api, tmp_path))
    transport.graphql(QUERY)
    api.stop()
    api.start()
    assert transport.graphql(QUERY)["auth_info"]
    transport.close()


def test_pauses_grow_to_a_bound_and_vary():
    """Pauses double up to the longest; chance takes off at most half."""
    assert [backoff(n, chance=1.0) for n in (0, 1, 2, 20)] == [0.1, 0.2, 0.4, 5.0]
    assert backoff(1, chance=0.0) == 0.1


def test_settings_that_are_wrong_say_what_to_write():
    """A bad address or number is BAD_SETTING with an example; the run's token stands in for a missing key; nothing shows a secret."""
    with pytest.raises(TowpathError, match="write it like http"):
        Settings.from_env({"TOWPATH_API_URL": "example.org"})
    with pytest.raises(TowpathError, match="TOWPATH_PATIENCE"):
        Settings.from_env({"TOWPATH_PATIENCE": "soon"})
    settings = Settings.from_env({"TOWPATH_RUN_TOKEN": "run", "TOWPATH_API_URL": "http://h:1/"})
    assert (settings.token, settings.api_url) == ("run", "http://h:1")
    assert "tok" not in repr(replace(settings, token="a-tok"))
