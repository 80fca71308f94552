"""The runner's smaller parts: framing, place, launch environment, code cache, reporter."""

from __future__ import annotations

import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest

from towpath.runner import place
from towpath.runner.code_cache import CodeCache
from towpath.runner.launch import Launch, environment, needs_fresh_interpreter
from towpath.runner.wire import Lines, pack


def test_messages_survive_any_cut():
    """Messages come out whole however the bytes were cut."""
    data = pack({"a": "é\n"}) + pack({"b": 2})
    lines = Lines()
    assert [m for i in range(len(data)) for m in lines.feed(data[i : i + 1])] == [{"a": "é\n"}, {"b": 2}]


def test_what_is_no_message_is_refused():
    """A line that is no JSON object raises ValueError."""
    for bad in (b"[1]\n", b"nonsense\n"):
        with pytest.raises(ValueError):  # noqa: PT011  (json's own and ours)
            list(Lines().feed(bad))


def test_one_runner_a_directory(tmp_path: Path):
    """The lock is held by one, and the directory is for its user only; a very long path works, too."""
    directory = place.prepare(tmp_path / ("long" * 30) / "runner")
    assert oct(directory.stat().st_mode & 0o777) == "0o700"
    held = place.lock(directory)
    assert held is not None
    assert place.lock(directory) is None
    with place.listen(directory) as server, place.connect(directory) as client:
        client.sendall(b"hi")
        server.setblocking(True)
        connection, _ = server.accept()
        with connection:
            assert connection.recv(2) == b"hi"
    (directory / place.SOCKET).unlink()
    with pytest.raises(OSError):  # noqa: PT011  (the system's own)
        place.connect(directory)
    assert isinstance(server, socket.socket)


def test_the_environment_of_a_run_is_layered():
    """The run config's variables win over the agent's, the run's identity over both, and the agent's secrets are gone."""
    launch = Launch("run", 7, "token", flow_id="flow", env={"A": "config", "TOWPATH_RUN_ID": "forged"})
    secrets = {"TOWPATH_API_KEY": "secret", "TOWPATH_SERVICE_TOKEN": "s"}
    env = environment(launch, base={"A": "agent", "B": "agent", "TRACEPARENT": "the agent's own", **secrets}, api_url="http://api")
    assert env == {
        "A": "config",
        "B": "agent",
        "TOWPATH_API_URL": "http://api",
        "TOWPATH_RUN_ID": "run",
        "TOWPATH_RUN_FENCE": "7",
        "TOWPATH_RUN_TOKEN": "token",
        "TOWPATH_FLOW_ID": "flow",
    }
    assert "token" not in repr(launch)


@pytest.mark.parametrize(
    ("env", "platform", "fresh"),
    [
        ({}, "linux", False),
        ({"COLOR": "blue"}, "linux", False),
        ({"PYTHONPATH": "/x"}, "linux", True),
        ({"LD_PRELOAD": "/x.so"}, "linux", True),
        ({"TOWPATH_PYTHON": "/other/python"}, "linux", True),
        ({"TOWPATH_PYTHON": "/this/python"}, "linux", False),
        ({}, "darwin", True),
    ],
)
def test_when_a_fork_will_not_do(env: dict[str, str], platform: str, fresh: bool):
    """A fresh interpreter is needed for another interpreter, for variables that are read at its start, and off Linux."""
    assert needs_fresh_interpreter(Launch("r", 1, "t", env=env), platform=platform, executable="/this/python") is fresh


def test_the_code_cache_keeps_what_a_flow_version_ran_with(tmp_path: Path):
    """What was written is known by flow and read by hash; what is not there is None; a name that leads elsewhere is not followed."""
    cache = CodeCache(tmp_path)
    assert (cache.known("f"), cache.known(None), cache.read("0" * 64)) == ([], [], None)
    cache.write("a" * 64, b"code", flow_id="f")
    assert (cache.known("f"), cache.read("a" * 64), cache.known("../f")) == (["a" * 64], b"code", [])
    assert oct((tmp_path / "code").stat().st_mode & 0o777) == "0o700"


def test_the_reporter_turns_states_and_logs_into_items():
    """States carry their time beside them and name their task by slug; long messages are cut with a note."""
    from towpath.client import Client, Settings
    from towpath.client.testing import FakeApi
    from towpath.engine.reporting import LogEntry
    from towpath.engine.state import Running, Success
    from towpath.runner.reporter import BackendReporter

    with FakeApi() as api:
        flow = {"id": "f", "serialized_flow": {"name": "n", "tasks": []}}
        api.flows["f"] = flow
        run = api.create_run("f", fence=4)
        client = Client(settings=Settings.from_env({"TOWPATH_API_URL": api.url}))
        reporter = BackendReporter(client, flow_run_id=run.id, fence=4, on_cancel=lambda: None, on_lost=lambda _: None)
        at = datetime(2026, 1, 1, tzinfo=UTC)
        reporter.flow_state(Running("go"), at)
        reporter.task_state("t-1", 3, Success("done"), at)
        reporter.log(LogEntry(at, "INFO", "towpath", "x" * 600_000, slug="t-1", map_index=3))
        reporter.flush()
        sent = [v["input"] for v in api.of("report_run")]
        client.close()
    states = [s for batch in sent for s in batch.get("states", [])]
    logs = [log for batch in sent for log in batch.get("logs", [])]
    assert [(s.get("slug"), s.get("map_index"), s["timestamp"], s["state"]["type"]) for s in states] == [
        (None, None, "2026-01-01T00:00:00+00:00", "Running"),
        ("t-1", 3, "2026-01-01T00:00:00+00:00", "Success"),
    ]
    assert (logs[0]["slug"], logs[0]["map_index"], logs[0]["level"]) == ("t-1", 3, "INFO")
    assert logs[0]["message"].endswith("x… (100000 more characters were left out)")
