"""The newcomer's path, from a file to a result, with nothing but the `towpath` command."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest

SQUARES = """from towpath import Flow, Parameter, task

@task(log_stdout=True)
def square(x):
    print(f"{x} squared is {x * x}")
    return x * x

with Flow("squares") as flow:
    square.map(Parameter("numbers", default=[1, 2, 3]))
"""

HALF = """
from pathlib import Path
from towpath import Flow, Parameter, task

@task
def count(folder):
    with (Path(folder) / "counted").open("a") as f:
        f.write("x")
    return 2

@task
def check(folder, number):
    if not (Path(folder) / "mended").exists():
        raise ValueError("nobody has mended it")
    return number * 21

@task
def after(answer, folder):
    (Path(folder) / "answer").write_text(str(answer))

with Flow("half") as flow:
    folder = Parameter("folder")
    after(check(folder, count(folder)), folder)
"""

WIDE = """
from towpath import Flow, Parameter, task

@task
def numbers(n):
    return list(range(n))

@task
def double(x):
    return 2 * x

@task(log_stdout=True)
def total(xs):
    print(f"total {sum(xs)}")
    return sum(xs)

with Flow("wide") as flow:
    total(double.map(numbers(Parameter("n"))))
"""


@pytest.fixture(scope="module")
def registered(site):
    """The flows above, registered from three files."""
    return {k: v for name, source in (("squares", SQUARES), ("half", HALF), ("wide", WIDE)) for k, v in site.register(name, source).items()}


def test_a_ten_line_flow(site):
    """Written to a file, registered, run by the agent and watched: states, log lines and exit status 0; then found in the lists."""
    path = site.write("hello", SQUARES.replace("squares", "hello"))
    assert "hello: registered, version 1" in site.cli("register", "--path", str(path)).stdout
    assert "hello: unchanged, version 1" in site.cli("register", "--path", str(path)).stdout
    run = site.cli("run", "--name", "hello", "--watch", "--param", "numbers=[4, 5]")
    for words in ("Flow run ", site.backend.url, "  Success", "square[0] | 4 squared is 16", "square[1] | 5 squared is 25"):
        assert words in run.stdout, run.stdout
    (row,) = site.json("get", "flow-runs", "--flow", "hello")
    assert (row["state"], row["flow"]["name"]) == ("Success", "hello")
    assert "5 squared is 25" in site.cli("logs", row["id"]).stdout
    assert {line["message"] for line in site.json("get", "logs", row["id"])} >= {"4 squared is 16", "5 squared is 25"}
    assert "square" in {task["name"] for task in site.json("get", "tasks", "--flow", "hello")}
    tasks = {(t["task"]["slug"], t["map_index"]): t["state"] for t in site.run(row["id"])["task_runs"]}
    assert tasks[("square-1", 0)] == tasks[("square-1", 1)] == "Success"
    assert "yes" in site.cli("get", "agents").stdout


def test_watch_with_json(site, registered):
    """`run --watch --json` prints one JSON document on standard output, and what happens on standard error."""
    run = site.cli("run", "--name", "squares", "--watch", "--json")
    assert json.loads(run.stdout)["state"] == "Success"
    assert "3 squared is 9" in run.stderr


def test_results_are_kept(site, registered):
    """The result of a task is stored where its state says, and can be read from there."""
    with site.client as client:
        run_id = client.create_flow_run(registered["wide"], parameters={"n": 5})
    site.ended(run_id, state="Success")
    document = """query ($id: uuid!) { task_run(where: {flow_run_id: {_eq: $id}, task: {slug: {_eq: "total-1"}}}) { serialized_state } }"""
    (row,) = site.backend.graphql(document, id=run_id)["task_run"]
    result = row["serialized_state"]["_result"]
    assert pickle.loads(Path(result["dir"], result["location"]).read_bytes()) == 20
    assert Path(result["dir"]).is_relative_to(site.home)


def test_a_failure_and_a_restart(site, registered, tmp_path: Path):
    """A flow that fails ends `run --watch` with 1 and the reason; `restart` runs what failed and what came after it, and nothing else."""
    run = site.cli("run", "--name", "half", "--param", f"folder={tmp_path}", "--watch", expect=1)
    assert "ValueError" in run.stdout
    assert "nobody has mended it" in run.stdout
    run_id = run.stdout.splitlines()[0].split()[-1]
    states = {t["task"]["slug"]: t["state"] for t in site.run(run_id)["task_runs"]}
    assert (states["count-1"], states["check-1"], states["after-1"]) == ("Success", "Failed", "TriggerFailed")
    (tmp_path / "mended").touch()
    site.cli("restart", run_id, "--watch")
    again = site.run(run_id)
    assert (again["state"], again["attempt"]) == ("Success", 2)
    assert {t["state"] for t in again["task_runs"]} == {"Success"}
    assert (tmp_path / "counted").read_text() == "x"
    assert (tmp_path / "answer").read_text() == "42"


def test_six_hundred_children(site, registered):
    """A task mapped over 600 values: every child is stored with its state, once, and the reduction is right."""
    run = site.cli("run", "--name", "wide", "--param", "n=600", "--watch")
    assert "total 359400" in run.stdout
    stored = site.run(run.stdout.splitlines()[0].split()[-1])
    children = [t for t in stored["task_runs"] if t["map_index"] >= 0]
    assert sorted(t["map_index"] for t in children) == list(range(600))
    assert {t["state"] for t in children} == {"Success"}
    assert {t["state"] for t in stored["task_runs"] if t["map_index"] < 0} == {"Success", "Mapped"}


TRACED = """
import os
from datetime import UTC, datetime
from towpath import Flow, task
from towpath.client import Client

@task(log_stdout=True)
def tell():
    print("under", os.environ.get("TRACEPARENT"))

@task
def another(told):
    with Client() as client:
        client.create_flow_run(os.environ["TOWPATH_FLOW_ID"], scheduled_start_time=datetime(2999, 1, 1, tzinfo=UTC))

with Flow("traced") as flow:
    another(tell())
"""


def test_a_run_goes_on_under_the_trace_of_its_creation(site):
    """Its process has TRACEPARENT, and a run that it creates belongs to the same trace; nobody's trace is nobody's."""
    site.register("traced", TRACED)
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    assert f"under {trace}" in site.cli("run", "--name", "traced", "--watch", TRACEPARENT=trace).stdout
    made = "select r.trace from flow_run r join flow f on f.id = r.flow_id where f.name = 'traced'"
    assert site.sql(made) == [(trace,), (trace,)]
    assert "under None" in site.cli("run", "--name", "traced", "--watch").stdout
