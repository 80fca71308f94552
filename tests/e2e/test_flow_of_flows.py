"""Flows of flows through a real agent: children are created, waited for, cancelled and restarted, and their results are taken."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest

from towpath.backend import FlowRunView, FlowView, TaskRunView, watch_flow_run
from towpath.errors import MissingResultError
from towpath_proto.errors import Code, TowpathError

README = Path(__file__).parents[2] / "sdk/README.md"
CHILD = """
import time
from pathlib import Path
from towpath import Flow, Parameter, task

@task
def square(x):
    return x * x

@task(log_stdout=True)
def total(xs, folder):
    print(f"adding {len(xs)} squares")
    if folder and not (Path(folder) / "mended").exists():
        raise ValueError("nobody has mended it")
    return sum(xs)

@task
def slow(seconds, folder):
    if seconds:
        (Path(folder) / "began").touch()
    for _ in range(seconds * 20):
        if (Path(folder) / "go on").exists():
            break
        time.sleep(0.05)

with Flow("child") as flow:
    folder = Parameter("folder", default=None)
    xs = square.map(Parameter("xs", default=[1, 2, 3]))
    total(xs, folder, upstream_tasks=[slow(Parameter("seconds", default=0), folder)])
"""

PARENT = """
from towpath import Flow, Parameter, task, unmapped
from towpath.tasks.prefect import create_flow_run, get_task_run_result, wait_for_flow_run

@task
def add(totals):
    return sum(totals)

with Flow("parent") as flow:
    children = create_flow_run.map(flow_name=unmapped("child"), parameters=[{"xs": [1, 2]}, {"xs": [3, 4, 5]}])
    waits = wait_for_flow_run.map(children, stream_logs=unmapped(True), raise_final_state=unmapped(True))
    totals = get_task_run_result.map(children, unmapped("total-1"), upstream_tasks=[waits])
    add(totals)

with Flow("failing parent") as failing:
    child = create_flow_run(flow_name="child", parameters={"folder": Parameter("folder")}, idempotency_key=Parameter("key", default=None))
    wait_for_flow_run(child, raise_final_state=True)

with Flow("waiting parent") as waiting:
    child = create_flow_run(flow_name="child", parameters={"seconds": 60, "folder": Parameter("folder")})
    wait_for_flow_run(child, task_args={"max_retries": 1, "retry_delay": 0})
"""

STARTER = """
import towpath
from towpath import Flow, Parameter, task
from towpath.tasks.flow_runs import CancelFlowRun, RenameFlowRun, StartFlowRun

@task
def name_of(view):
    return f"{view.name}: {view.state.kind}"

with Flow("starter") as flow:
    done = StartFlowRun("child", wait=True, run_name="the child")(parameters={"xs": [7]})
    alone = StartFlowRun(flow_name="child", name="alone")(run_name="alone", parameters={"seconds": 60, "folder": Parameter("folder")})
    renamed = RenameFlowRun()(flow_run_id=alone, flow_run_name="renamed")
    CancelFlowRun()(alone, upstream_tasks=[renamed])
    RenameFlowRun(flow_run_name="a name of its own")()
    name_of(done)
"""

NEST = """
from towpath import Flow
from towpath.run_configs import UniversalRun
from towpath.tasks.flow_runs import StartFlowRun, create_flow_run, wait_for_flow_run
from towpath import unmapped

tight = UniversalRun(labels=["tight"])
with Flow("middle", run_config=tight) as middle:
    children = create_flow_run.map(flow_name=unmapped("child"), labels=unmapped(["tight"]), parameters=[{"xs": [1]}, {"xs": [2]}])
    wait_for_flow_run.map(children, raise_final_state=unmapped(True))
with Flow("top", run_config=tight) as flow:
    StartFlowRun("middle", wait=True)()
"""
LOOP = """
from datetime import timedelta
from towpath import Flow, task
from towpath.tasks.flow_runs import create_flow_run

@task(max_retries=1, retry_delay=timedelta(seconds=0))
def several():
    made = [create_flow_run.run(flow_name="child", parameters={"xs": [n]}, run_name=f"loop-{n}") for n in (1, 2, 3)]
    import towpath
    if towpath.context.task_run_count == 1:
        raise RuntimeError("again")
    return made

with Flow("loop") as flow:
    several()
"""
SOURCES = {"child": CHILD, "parent": PARENT, "starter": STARTER, "nest": NEST, "loop": LOOP}


@pytest.fixture(scope="module")
def flows(site):
    """Ids of the flows above, by name."""
    return {k: v for name, source in SOURCES.items() for k, v in site.register(name, source).items()}


@pytest.fixture
def as_script(site, monkeypatch):
    """This process reads the site's API as a script would."""
    for name, value in site.env().items():
        if name.startswith("TOWPATH_"):
            monkeypatch.setenv(name, value)


def children_of(site, run_id):
    document = """query ($id: uuid!) { flow_run(where: {parent_flow_run_id: {_eq: $id}}, order_by: {id: asc}) {
        id name state attempt parent_map_index cancel_with_parent parent_task { slug } } }"""
    return site.backend.graphql(document, id=run_id)["flow_run"]


def test_children_are_run_and_their_results_taken(site, flows, as_script):
    """A parent maps over children, waits for all, and adds their results; each child names the task that created it."""
    with site.client as client:
        run_id = client.create_flow_run(flows["parent"])
    site.ended(run_id, state="Success")
    children = children_of(site, run_id)
    assert [(c["state"], c["parent_map_index"], c["parent_task"]["slug"]) for c in children] == [
        ("Success", 0, "create_flow_run-1"),
        ("Success", 1, "create_flow_run-1"),
    ]
    view = FlowRunView.from_flow_run_id(run_id)
    assert view.get_task_run("add-1").get_result() == 1 + 4 + 9 + 16 + 25
    with site.client as client:
        document = "query($id: uuid!) { task_run_artifact(where: {task_run: {flow_run_id: {_eq: $id}}}) { kind data } }"
        shown = client.graphql(document, {"id": run_id})["task_run_artifact"]
    assert {a["kind"] for a in shown} == {"link"}
    assert sorted(a["data"]["link"].rpartition("/run/")[2] for a in shown) == sorted(c["id"] for c in children)
    logs = site.logs(run_id)
    for words in (
        "Created a flow run of 'child'",
        f"/run/{children[0]['id']}",
        "adding 3 squares",
        "Entered state <Running>",
        "Entered state <Success>",
    ):
        assert words in logs
    described = site.cli("describe", "flow-run", run_id).stdout
    assert all(f"{c['name']}" in described for c in children)
    assert f"{view.name} of parent, task create_flow_run-1[1]" in site.cli("describe", "flow-run", children[1]["id"]).stdout


def test_one_task_may_create_several_runs_and_finds_each_again(site, flows):
    """Three creations in one task are three children; the retry creates no fourth."""
    with site.client as client:
        run_id = client.create_flow_run(flows["loop"])
    site.ended(run_id, state="Success")
    children = children_of(site, run_id)
    assert sorted(c["name"] for c in children) == ["loop-1", "loop-2", "loop-3"]


def test_views(site, flows, as_script):
    """A script reads flows, runs, task runs, results and logs; what is not there is named."""
    flow = FlowView.from_flow_name("child")
    assert (flow.flow_id, flow.version, flow.archived) == (flows["child"], 1, False)
    assert {p["name"] for p in flow.parameters} == {"folder", "xs", "seconds"}
    with site.client as client:
        run_id = client.create_flow_run(flow.flow_id, parameters={"xs": [2, 3]})
    lines = list(watch_flow_run(run_id))
    assert "adding 2 squares" in [line.message for line in lines]
    run = FlowRunView.from_flow_run_id(run_id)
    assert (run.state.kind, run.parameters["xs"], run.parent_flow_run_id) == ("Success", [2, 3], None)
    assert [s.kind for s in run.states] == ["Scheduled", "Submitted", "Running", "Success"]
    assert [f"Entered state <{s.kind}>" for s in run.states] == [
        m.message.partition(":")[0] for m in lines if m.message.startswith("Entered")
    ]
    assert run.get_latest() == run
    assert run.get_flow_metadata() == flow
    squares = run.get_task_run("square-1")
    assert squares.get_result() == [4, 9]
    assert [t.map_index for t in squares.iter_mapped()] == [0, 1]
    assert run.get_task_run("square-1", map_index=1).get_result() == 9
    assert TaskRunView.from_task_run_id(squares.task_run_id) == squares
    assert {t.task_slug for t in run.get_all_task_runs()} >= {"square-1", "total-1", "slow-1"}
    assert "adding 2 squares" in [line.message for line in run.get_logs()]
    for ask, code in (
        (lambda: run.get_task_run("sqare-1"), Code.UNKNOWN_TASK),
        (lambda: run.get_task_run("square-1", map_index=2), Code.NOT_FOUND),
        (lambda: run.get_task_run(), Code.BAD_REQUEST),
        (lambda: FlowView.from_flow_name("chlid"), Code.NOT_FOUND),
        (lambda: FlowRunView.from_flow_run_id(flow.flow_id), Code.NOT_FOUND),
    ):
        with pytest.raises(TowpathError) as caught:
            ask()
        assert caught.value.code is code


def test_a_restart_goes_down(site, flows, tmp_path: Path, as_script):
    """A child's failure is the parent's; restarting the parent restarts the child it had, of which only the failed part runs again."""
    with site.client as client:
        run_id = client.create_flow_run(flows["failing parent"], parameters={"folder": str(tmp_path)})
        site.ended(run_id, state="Failed")
        (child,) = children_of(site, run_id)
        assert (child["state"], child["attempt"]) == ("Failed", 1)
        failed = FlowRunView.from_flow_run_id(run_id).get_task_run("wait_for_flow_run-1")
        assert child["id"] in failed.state.message
        with pytest.raises(MissingResultError, match="is Failed, so it has no result"):
            failed.get_result()
        (tmp_path / "mended").touch()
        client.restart_flow_run(run_id)
    site.ended(run_id, state="Success")
    (again,) = children_of(site, run_id)
    assert (again["id"], again["state"], again["attempt"]) == (child["id"], "Success", 2)
    versions = {t["task"]["slug"]: t["version"] for t in site.run(child["id"])["task_runs"] if t["map_index"] < 0}
    assert versions["slow-1"] == 2  # Running and Success, once


def test_cancelling_a_parent_cancels_its_child(site, flows, tmp_path: Path, until):
    """Both end Cancelled, within the time that a process gets to stop."""
    with site.client as client:
        run_id = client.create_flow_run(flows["waiting parent"], parameters={"folder": str(tmp_path)})
        until("the child runs", (tmp_path / "began").exists)
        client.cancel_flow_run(run_id)
    site.ended(run_id, state="Cancelled")
    (child,) = children_of(site, run_id)
    site.ended(child["id"], state="Cancelled")


def test_start_rename_cancel(site, flows, tmp_path: Path, as_script):
    """StartFlowRun waits or does not; a run renames itself, and renames and cancels what it has created."""
    with site.client as client:
        run_id = client.create_flow_run(flows["starter"], parameters={"folder": str(tmp_path)})
    site.ended(run_id, state="Success")
    done, alone = sorted(children_of(site, run_id), key=lambda c: c["name"] != "the child")
    assert (done["name"], done["state"], done["cancel_with_parent"]) == ("the child", "Success", True)
    assert (alone["name"], alone["cancel_with_parent"]) == ("renamed", False)
    site.ended(alone["id"], state="Cancelled")
    view = FlowRunView.from_flow_run_id(run_id)
    assert view.name == "a name of its own"
    assert view.get_task_run("name_of-1").get_result() == "the child: Success"


def test_a_parent_whose_process_dies_finds_its_child_again(site, flows, tmp_path: Path, until):
    """The next process of the parent waits for the same child and takes its end; nothing runs twice."""
    with site.client as client:
        run_id = client.create_flow_run(flows["waiting parent"], parameters={"folder": str(tmp_path)})
    until("the child runs", (tmp_path / "began").exists)
    until("the parent waits", lambda: "Entered state <Running>" in site.logs(run_id))
    ((holder,),) = site.sql("select lease_holder from flow_run where id = %s", run_id)
    os.kill(int(holder.rpartition(" ")[2]), signal.SIGKILL)
    until("the parent runs again", lambda: site.run(run_id)["state"] == "Running" and site.logs(run_id).count("Beginning flow run") == 2)
    (tmp_path / "go on").touch()
    (tmp_path / "mended").touch()
    site.ended(run_id, state="Success")
    (child,) = children_of(site, run_id)
    assert (child["state"], child["attempt"]) == ("Success", 1)
    assert site.logs(child["id"]).count("Beginning flow run") == 1


def test_a_second_creation_with_the_same_key_is_the_first_child(site, flows, tmp_path: Path):
    """With a key of its own a run finds the run that another one has made: no second one, and without an API key not its to read."""
    with site.client as client:
        runs = []
        for _ in range(2):
            runs.append(client.create_flow_run(flows["failing parent"], parameters={"folder": str(tmp_path), "key": "one child"}))
            site.ended(runs[-1], state="Failed")
    assert [len(children_of(site, run_id)) for run_id in runs] == [1, 0]
    logs = site.logs(runs[1])
    assert "Found, as it was created before" in logs
    assert "A run reads what it has created" in logs


def test_an_agent_with_one_place_runs_a_parent_and_its_children(site, flows, tmp_path: Path):
    """A run that waits for a child does not keep it from running, at any depth; other runs still wait for the place."""
    agent = site.agent("tight", "--label", "tight", "--max-runs", "1", "--directory", str(tmp_path / "runner"))
    try:
        with site.client as client:
            tops = [client.create_flow_run(flows["top"]) for _ in range(2)]
        for top in tops:
            site.ended(top, state="Success")
        spans = [site.run(top) for top in tops]
        first, second = sorted(spans, key=lambda run: run["start_time"])
        assert first["end_time"] <= second["start_time"]
    finally:
        site.stop_agent(agent)


def test_the_readmes_week(site, as_script, capsys):
    """The README's flows of flows run as they stand there, and its script prints the result in its comment."""
    section = README.read_text().partition("## Flows of flows\n")[2].partition("\n## ")[0]
    flows, script = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    site.register("week", flows)
    exec(compile(script, "README", "exec"), {"__name__": "readme"})
    printed = capsys.readouterr().out.splitlines()
    assert printed[-1] == script.strip().rsplit("# ", 1)[1]
    assert printed[0].startswith("Entered state <Scheduled>")
    assert "Entered state <Success>: All reference tasks succeeded." in printed
