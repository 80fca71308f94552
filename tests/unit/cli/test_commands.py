"""What each command asks of the API, prints, and returns."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from towpath.cli.app import AGENTS, Entry
from towpath.client.testing import FakeApi, Refusal

SCRIPT = """
from towpath import Flow, task
@task
def one():
    return 1
with Flow("counting") as counting:
    one()
with Flow("other") as other:
    one()
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "flows.py"
    path.write_text(SCRIPT)
    return path


def test_register_sends_the_flows_of_a_script(api: FakeApi, towpath: Any, script: Path):
    """All flows of the script are registered; registering again says that nothing has changed."""
    api.answers["project"] = lambda v: [{"name": "p"}]
    status, out, _ = towpath("register", "-p", str(script), "--project", "p", "--label", "x")
    assert status == 0
    assert "counting: registered, version 1" in out
    assert "other: registered, version 1" in out
    sent = api.of("register_flow")[0]["input"]
    assert (sent["project_name"], sent["serialized_flow"]["run_config"]["labels"]) == ("p", ["x"])
    status, out, _ = towpath("register", "-p", str(script), "--name", "other", "--project", "p", "--label", "x", "--json")
    assert [(row["name"], row["created"], row["status"]) for row in json.loads(out)] == [("other", False, "unchanged")]


def test_register_says_what_is_wrong(towpath: Any, script: Path, tmp_path: Path):
    """No source, an unknown name, a script without flows and one that fails each get a sentence with a code."""
    assert towpath("register")[::2] == (
        2,
        "towpath: Say where the flows are: --path SCRIPT or --module MODULE. See: towpath register --help (BAD_REQUEST)\n",
    )
    status, _, err = towpath("register", "-p", str(script), "--name", "nope")
    assert (status, err) == (1, f"towpath: There is no flow named nope in {script}; there: counting, other. (NOT_FOUND)\n")
    empty = tmp_path / "empty.py"
    empty.write_text("x = 1\n")
    assert "a flow must be a global variable" in towpath("register", "-p", str(empty))[2]
    broken = tmp_path / "broken.py"
    broken.write_text("1 / 0\n")
    status, _, err = towpath("register", "-p", str(broken))
    assert status == 1
    assert err == f"towpath: {broken}, line 1, fails with ZeroDivisionError: division by zero (BAD_FLOW)\n"
    broken.write_text("x = 1\ny = = 2\n")
    assert towpath("register", "-p", str(broken))[2] == f"towpath: {broken}, line 2: invalid syntax near `y = = 2`. (BAD_FLOW)\n"
    assert "no_such_module" in towpath("register", "-m", "no_such_module")[2]


def test_run_creates_a_run(api: FakeApi, towpath: Any):
    """Name, parameters (JSON or plain text), labels and time arrive; the run's id and page are printed."""
    declared = [{"name": name, "required": False} for name in ("days", "city", "x")]
    api.answers["flow"] = lambda v: [{"id": "f1", "name": "n", "project": {"name": "a"}, "parameters": declared}]
    api.answers["create_flow_run"] = lambda v: {"id": "r1"}
    arguments = [
        "--name",
        "n",
        "--param",
        "days=3",
        "--param",
        "city=Graz",
        "--param",
        'x=["a"]',
        "--label",
        "eu",
        "--at",
        "2030-01-01T00:00+01:00",
    ]
    status, out, _ = towpath("run", *arguments)
    assert (status, out) == (0, f"Flow run r1\n{api.url}/run/r1\n")
    sent = api.of("create_flow_run")[0]["input"]
    assert (sent["flow_id"], sent["parameters"], sent["labels"]) == ("f1", {"days": 3, "city": "Graz", "x": ["a"]}, ["eu"])
    assert sent["scheduled_start_time"] == "2029-12-31T23:00:00+00:00"
    assert json.loads(towpath("run", "--id", "f1", "--json")[1]) == {"id": "r1", "url": f"{api.url}/run/r1"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run"], "FLOW, --name NAME or --id ID"),
        (["run", "--name", "a", "--id", "b"], "FLOW, --name NAME or --id ID"),
        (["run", "a", "--execute"], "-p SCRIPT or -m MODULE"),
        (["run", "--execute"], "--path SCRIPT or --module MODULE"),
        (["register", "-p", ".", "--watch", "--json"], "not with --json"),
        (["run", "--name", "a", "--at", "soon"], "is no time"),
        (["runn"], "Did you mean 'run'?"),
        (["get", "flos"], "No such command 'flos'. Did you mean 'flows'?"),
        (["get", "flow-runs", "--state", "Faild"], "Did you mean Failed?"),
        (["get", "flow-runs", "--since", "soon"], "write it like 2h"),
        (["cancel"], "RUN…, or --all --name FLOW"),
        (["cancel", "a", "--all"], "RUN…, or --all --name FLOW"),
        (["run", "--nme", "a"], "--nme"),
    ],
)
def test_wrong_usage_is_one_sentence_and_status_2(towpath: Any, arguments: list[str], says: str):
    """Wrong usage says what is wrong in one line and returns 2."""
    status, out, err = towpath(*arguments)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert says in err
    assert err.startswith("towpath: ")


def test_an_api_that_is_away_is_status_2(api: FakeApi, towpath: Any):
    """Without an API the sentence says how to start one, and the status is 2."""
    api.stop()
    status, _, err = towpath("get", "flows")
    assert status == 2
    assert "towpath server start" in err
    assert f"{api.url} (connection refused; from TOWPATH_API_URL)" in err
    assert "(UNREACHABLE)" in err
    assert err.count("\n") == 1


NOW = datetime.now(UTC)
RUN = {
    "id": "r1",
    "name": "brisk-heron",
    "state": "Success",
    "state_message": "done",
    "state_timestamp": NOW.isoformat(),
    "version": 3,
    "labels": [],
    "run_config_type": "UniversalRun",
    "scheduled_start_time": NOW.isoformat(),
    "start_time": NOW.isoformat(),
    "end_time": (NOW + timedelta(seconds=1.5)).isoformat(),
    "flow": {"name": "hello"},
}
AGENT = {
    "id": "a1",
    "name": "blue",
    "type": "local",
    "labels": ["gpu"],
    "run_config_types": ["UniversalRun"],
    "last_queried": NOW.isoformat(),
}


def _alive(row: dict[str, Any]) -> dict[str, Any]:
    """The agent has asked just now, not when tests were collected: it may be minutes since."""
    return row | {"last_queried": datetime.now(UTC).isoformat()}


@pytest.mark.parametrize(
    ("arguments", "field", "row", "shows"),
    [
        (
            ["flows"],
            "flow",
            {"id": "f1", "name": "hello", "version": 2, "is_schedule_active": True, "created": NOW.isoformat(), "project": {"name": "p"}},
            ["hello", "2", "p", "active", "f1"],
        ),
        (["flow-runs"], "flow_run", RUN, ["brisk-heron", "hello", "Success", "1.5 s", "r1"]),
        (["projects"], "project", {"id": "p1", "name": "weather", "description": None, "created": NOW.isoformat()}, ["weather", "p1"]),
        (["agents"], "agent", AGENT, ["blue", "local", "yes", "gpu"]),
        (
            ["tasks", "--flow-id", "f1"],
            "task",
            {"id": "t1", "slug": "one-1", "name": "one", "mapped": True, "max_retries": 2, "tags": ["a"]},
            ["one-1", "yes", "2", "a"],
        ),
    ],
)
def test_lists(api: FakeApi, towpath: Any, arguments: list[str], field: str, row: dict[str, Any], shows: list[str]):
    """Each list is a table for people, JSON with --json, and a hint when it is empty."""
    row = _alive(row) if field == "agent" else row
    api.answers[field] = lambda v: [row]
    status, out, _ = towpath("get", *arguments)
    assert status == 0
    assert all(text in out.splitlines()[1] for text in shows)
    assert json.loads(towpath("get", *arguments, "--json")[1]) == [row]
    api.answers[field] = lambda v: []
    status, out, err = towpath("get", *arguments)
    assert (status, out) == (0, "")
    assert err


def test_create_project(api: FakeApi, towpath: Any):
    """A project is created; one that exists is an error unless that is asked to be fine."""
    api.answers["create_project"] = lambda v: {"id": "p1"}
    assert towpath("create", "project", "weather")[1] == "Project weather created (p1).\n"
    api.failures["create_project"] = [Refusal("UNIQUENESS_VIOLATION", "x"), Refusal("UNIQUENESS_VIOLATION", "x")]
    status, _, err = towpath("create", "project", "weather")
    assert status == 1
    assert "already" in err
    api.answers["project"] = lambda v: [{"id": "p1", "name": "weather"}]
    assert towpath("create", "project", "weather", "--skip-if-exists")[:2] == (0, "Project weather exists already (p1).\n")


def test_cancel_restart_and_logs(api: FakeApi, towpath: Any):
    """Each says what became of the run."""
    api.answers["flow_run"] = lambda v: [RUN]
    api.answers["cancel_flow_run"] = lambda v: {"state": "Cancelling"}
    assert towpath("cancel", "r1")[:2] == (0, "Flow run brisk-heron (r1) is Cancelling.\n")
    api.answers["restart_flow_run"] = lambda v: {"success": True}
    assert towpath("restart", "r1")[:2] == (0, "Flow run brisk-heron (r1) is due again.\n")
    api.answers["log"] = lambda v: [_log("00000000-0000-7000-8000-000000000001", "hello")]
    assert towpath("logs", "r1")[1].endswith("INFO     one[2] | hello\n")
    assert json.loads(towpath("logs", "r1", "--json")[1])[0]["message"] == "hello"


def _state(state: str, version: int) -> dict[str, Any]:
    return {"version": version, "state": state, "message": None, "timestamp": NOW.isoformat()}


def _log(row_id: str, message: str) -> dict[str, Any]:
    task = {"map_index": 2, "task": {"name": "one"}}
    return {"id": row_id, "timestamp": NOW.isoformat(), "level": "INFO", "name": "towpath", "message": message, "task_run": task}


@pytest.mark.parametrize(("end", "status"), [("Success", 0), ("Failed", 1), ("Cancelled", 1)])
def test_watching_shows_states_and_lines_once_until_the_end(api: FakeApi, towpath: Any, end: str, status: int):
    """--watch prints each state and each log line once, even one that is stored late with a smaller id, and returns how it ended."""
    states = iter([("Scheduled", 1), ("Running", 2), ("Running", 2), (end, 3)])
    newest = {"state": "Scheduled", "version": 1}
    history: list[dict[str, Any]] = []
    logs: list[dict[str, Any]] = []
    new_ids = iter(["01a2029c-0000-7000-8000-000000000005", "01a2029c-0000-7000-8000-000000000003", "01a2029c-0001-7000-8000-000000000001"])

    def run(variables: dict[str, Any]) -> dict[str, Any]:
        state, version = next(states)
        newest.update(state=state, version=version)
        if version > 1:
            logs.append(_log(next(new_ids), f"line {len(logs)}"))
        if version > len(history):
            history.append(_state(state, version))
        return {**RUN, "state": state, "version": version, "states": history}

    api.answers["flow"] = lambda v: [{"id": "f", "name": "n", "parameters": []}]
    api.answers["create_flow_run"] = lambda v: {"id": "r1"}
    api.answers["flow_run_by_pk"] = run
    api.answers["log"] = lambda v: [row for row in logs if row["id"] > v["where"].get("id", {}).get("_gt", "")]
    api.answers["agent"] = lambda v: [_alive({**AGENT, "labels": []})]
    found, out, _ = towpath("run", "--id", "f", "--watch")
    assert found == status
    assert [line.split("  ")[1].split(":")[0] for line in out.splitlines()[2:] if "|" not in line] == ["Scheduled", "Running", end]
    assert sorted(line.split("| ")[1] for line in out.splitlines() if "|" in line) == ["line 0", "line 1", "line 2"]


def test_watching_says_when_nobody_will_run_it(api: FakeApi, towpath: Any):
    """A waiting run whose labels no live agent serves is told at once, with the command that starts one."""
    states = iter([("Scheduled", 1), ("Success", 2)])
    api.answers["flow"] = lambda v: [{"id": "f", "name": "n", "parameters": []}]
    api.answers["create_flow_run"] = lambda v: {"id": "r1"}

    def run(variables: dict[str, Any]) -> dict[str, Any]:
        state, version = next(states)
        return {**RUN, "state": state, "version": version, "labels": ["eu"], "states": [_state(state, version)]}

    api.answers["flow_run_by_pk"] = run
    api.answers["log"] = lambda v: []
    api.answers["agent"] = lambda v: [_alive(AGENT)]
    _, out, _ = towpath("run", "--id", "f", "--watch")
    assert "No live agent serves this run (labels eu, UniversalRun). Live agents serve other runs: blue (local: gpu)." in out
    assert "towpath agent local start --label eu" in out


def test_keys(towpath: Any):
    """`keys show` makes the key; `keys trust` pins one; `keys list` names both and why."""
    shown = json.loads(towpath("keys", "show", "--json")[1])
    other = "A" * 43 + "="
    assert towpath("keys", "trust", other, "--name", "ada")[0] == 0
    listed = json.loads(towpath("keys", "list", "--json")[1])
    assert [(key["public_key"], key["name"]) for key in listed] == [(other, "ada"), (shown["public_key"], shown["name"])]
    status, _, err = towpath("keys", "trust", "nonsense")
    assert status == 2
    assert "(BAD_SETTING)" in err


def test_config_shows_values_and_sources_and_masks_secrets(towpath: Any, monkeypatch: pytest.MonkeyPatch):
    """Every setting is listed with its source; no secret is shown, not even of variables that are not ours."""
    monkeypatch.setenv("TOWPATH_API_KEY", "tp_0123456789abcdef")
    monkeypatch.setenv("TOWPATH_SOMETHING_TOKEN", "topsecrettoken")
    _, out, _ = towpath("config", "--json")
    rows = {row["name"]: row for row in json.loads(out)}
    assert (rows["TOWPATH_API_KEY"]["value"], rows["TOWPATH_API_KEY"]["source"]) == ("tp_0…", "environment")
    assert (rows["TOWPATH_PATIENCE"]["value"], rows["TOWPATH_PATIENCE"]["source"]) == ("10", "default")
    assert rows["TOWPATH_SOMETHING_TOKEN"]["value"] == "tops…"
    assert "0123456789" not in towpath("config")[1]


def test_an_agent_kind_that_is_not_installed_names_what_to_install(towpath: Any, monkeypatch: pytest.MonkeyPatch):
    """A known kind without its package says which package; an unknown one is wrong usage."""
    monkeypatch.setitem(cast(dict[str, Entry], AGENTS), "absent", Entry("Is known.", "", "pip install towpath-agent-absent"))
    status, _, err = towpath("agent", "absent", "start")
    assert (status, err) == (2, "towpath: `absent` is not installed. Install it with: pip install towpath-agent-absent (MISSING_EXTRA)\n")
    assert towpath("agent", "lcal", "start")[0] == 2


@pytest.mark.parametrize(
    "path", [["get", "logs"], ["register"], ["run"], ["keys", "trust"], ["agent", "local", "start"], ["logs"], ["config"]]
)
def test_every_help_shows_an_example(towpath: Any, path: list[str]):
    """--help of every command teaches by an example."""
    status, out, _ = towpath(*path, "--help")
    assert status == 0
    assert "Example" in out
    assert f"towpath {path[0]}" in out
