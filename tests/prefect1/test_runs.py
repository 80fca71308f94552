"""What a flow run of the unmodified client leaves behind, run by its own LocalAgent."""

from __future__ import annotations

from itertools import pairwise

import pytest

from towpath_proto.states import FLOW_EDGES, TASK_EDGES


@pytest.fixture(scope="module")
def walk(site):
    """One run of flows/walk.py, started by `prefect run --watch`."""
    printed = site.cli("run", "--name", "walk", "--project", "river", "--run-name", "the walk", "--param", "n=3", "--watch")
    assert "Flow run succeeded!" in printed
    ((run_id,),) = site.sql("select id::text from flow_run where name = 'the walk'")
    return site.ended(run_id)


def test_the_run_itself(site, walk):
    """Its states, name, labels, parameters and agent are what was asked for and what happened."""
    assert site.history(walk) == "Scheduled Submitted Running Success"
    assert (walk["name"], walk["parameters"], walk["labels"]) == ("the walk", {"n": 3}, site.labels)
    assert walk["agent"]["name"] == "everyday"
    assert walk["start_time"] < walk["end_time"]


ORDERS = {
    "n": "Running Success",
    "numbers-1": "Running Success",
    "flaky-1": "Mapped",
    "double-1": "Mapped",
    "total-1": "Running Success",
    "loop-1": "Running Looped Running Looped Running Success",
    "big-1": "Skipped",
    "small-1": "Running Success",
    "fails-1": "Running Failed",
    "after_failure-1": "TriggerFailed",
    "always-1": "Running Success",
    "alarm-1": "Running Success",
    "slow-1": "Running TimedOut",
    "gives_up-1": "Running Failed",
    "asks_for_skip-1": "Running Skipped",
}


@pytest.mark.parametrize("slug", ORDERS)
def test_the_order_of_states_of_a_task(site, walk, slug):
    """Each feature of the client leaves exactly its own order of states."""
    parent = site.task_runs(walk, slug)[0]
    assert (parent["map_index"], site.history(parent)) == (-1, ORDERS[slug])


def test_children_of_mapped_tasks(site, walk):
    """Each child is a task run of its own; the one that failed once has had a second attempt, and the map on the map is one to one."""
    flaky, double = site.task_runs(walk, "flaky-1")[1:], site.task_runs(walk, "double-1")[1:]
    once, twice = "Running Success", "Running Failed Retrying Running Success"
    assert [site.history(c) for c in flaky] == [once, twice, once]
    assert [c["attempt"] for c in flaky] == [1, 2, 1]
    assert [c["name"] for c in flaky] == ["try 0", "try 1", "try 2"]
    assert [site.history(c) for c in double] == [once] * 3


def test_the_recorded_traffic_is_in_the_table(site, walk):
    """Every move that this run has made, as the backend stored it, is an edge of the state table; versions have no gap."""
    for edges, runs in ((FLOW_EDGES, [walk]), (TASK_EDGES, walk["task_runs"])):
        for run in runs:
            states = [s["state"] for s in run["states"]]
            first = [] if edges is FLOW_EDGES else ["Pending"]
            assert [move for move in pairwise(first + states) if move not in edges] == []
            assert [s["version"] for s in run["states"]] == list(range(1, run["version"] + 1))


def test_the_log(site, walk):
    """Lines of the agent, of the engine and of the flow's own logger, with their levels, as `prefect get logs` prints them too."""
    lines = site.logs(walk["id"])
    assert "INFO the total is 6" in lines
    assert any(line.startswith("INFO Submitted for execution: PID:") for line in lines)
    assert any(line.startswith("ERROR") and "RuntimeError: this one fails" in line for line in lines)
    printed = site.cli("get", "logs", "--id", walk["id"])
    assert "the total is 6" in printed
    assert "RuntimeError: this one fails" in printed
    assert site.cli("get", "logs", "--name", "the walk").count("Task 'n': Starting task run") == 1


def test_a_result_is_taken_from_the_run_before(site):
    """cache_for: the first run computes and stores Cached, the second takes it over, another input is computed anew."""
    first, second, other = (site.ended(site.create("cached", parameters={"x": x})) for x in (1, 1, 2))
    for slug in ("expensive-1", "keyed-1"):
        orders = [site.history(site.task_runs(run, slug)[0]) for run in (first, second, other)]
        assert orders == ["Running Success Cached", "Cached", "Running Success Cached"], slug
    assert ["INFO computing 1" in site.logs(r["id"]) for r in (first, second)] == [True, False]


def test_context_parameters_and_time_of_a_run(site):
    """What was given to the run is what its code sees: name, start time, context, project, parameters over their defaults."""
    given = {"name": "Ann", "greeting": "Ahoy"}
    words = ["--param", 'name="Ann"', "--param", 'greeting="Ahoy"', "--context", 'tide="low"', "--run-name", "the greeting"]
    printed = site.cli("run", "--id", site.flows["greet"], *words, "--quiet")
    run = site.ended(printed.split()[-1])
    assert run["parameters"] == given
    assert "WARNING Ahoy, Ann" in site.logs(run["id"])
    source = """
from prefect.backend import FlowRunView
answer = FlowRunView.from_flow_run_id(given["run"]).get_task_run("tell-1").get_result()"""
    name, start, tide, project = site.ask(source, run=run["id"])
    assert (name, tide, project) == ("the greeting", "low", "river")
    ((scheduled,),) = site.sql("select scheduled_start_time from flow_run where id = %s", run["id"])
    assert start[:26] == scheduled.isoformat()[:26]


def test_a_required_parameter_is_missed_in_a_sentence(site):
    """No run is made, and the command says which parameter is missing."""
    printed = site.cli("run", "--name", "greet", "--project", "river", expect=1)
    assert "MISSING_PARAMETER" in printed
    assert "'parameters': ['name']" in printed


def test_a_run_by_hand_without_an_agent(site):
    """`prefect run --execute` runs it in a process of the command, with the same states but Submitted."""
    site.cli(
        "run", "--name", "greet", "--project", "river", "--param", 'name="me"', "--run-name", "by hand", "--label", "nobody", "--execute"
    )
    ((run_id,),) = site.sql("select id::text from flow_run where name = 'by hand'")
    run = site.ended(run_id)
    assert "nobody" in run["labels"]
    assert site.history(run) in ("Scheduled Running Success", "Scheduled Submitted Running Success")
