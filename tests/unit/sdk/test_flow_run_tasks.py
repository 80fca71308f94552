"""Tasks that work on flow runs, where there is no API; what they do with one is tested end to end."""

from __future__ import annotations

import pickle
from datetime import timedelta

import cloudpickle
import pytest

import towpath.tasks.flow_runs as home
import towpath.tasks.prefect as as_in_prefect_1
from towpath import Flow
from towpath.tasks.flow_runs import (
    CancelFlowRun,
    RenameFlowRun,
    StartFlowRun,
    create_flow_run,
    get_task_run_result,
    wait_for_flow_run,
)

NOWHERE = "http://127.0.0.1:9"


@pytest.mark.parametrize(
    "make",
    [
        lambda: create_flow_run(flow_name="child"),
        lambda: wait_for_flow_run("an id"),
        lambda: get_task_run_result("an id", "load-1"),
        lambda: StartFlowRun("child")(),
        lambda: RenameFlowRun("an id", "a name")(),
        lambda: CancelFlowRun("an id")(),
    ],
)
def test_without_an_api_the_error_says_what_to_start(make, monkeypatch):
    """`flow.run()` without a server: the task fails at once, and its sentence names the server, the agent and the setting."""
    monkeypatch.setenv("TOWPATH_API_URL", NOWHERE)
    with Flow("lonely") as flow:
        step = make()
    state = flow.run()
    message = state.result[step].message
    for words in (NOWHERE, "`towpath server start`", "`towpath agent local start`", "TOWPATH_API_URL"):
        assert words in message


def test_the_modules_name_of_prefect_1():
    """`towpath.tasks.prefect` has the same objects."""
    for name in as_in_prefect_1.__all__:
        assert getattr(as_in_prefect_1, name) is getattr(home, name)


def test_they_travel_by_name():
    """A flow with these tasks is sent without their code: the installed module is used where it runs."""
    with Flow("parent") as flow:
        wait_for_flow_run(create_flow_run(flow_name="child"))
        StartFlowRun("child", wait=True, poll_interval=timedelta(seconds=1))()
    again = pickle.loads(cloudpickle.dumps(flow))
    assert sorted(again.slugs.values()) == ["Flow child-1", "create_flow_run-1", "wait_for_flow_run-1"]
    assert {type(task) for task in again.slugs} == {home.CreateFlowRun, home.WaitForFlowRun, StartFlowRun}


@pytest.mark.parametrize(("given", "words"), [({}, "either flow_id or flow_name"), ({"flow_id": "a", "flow_name": "b"}, "either")])
def test_which_flow_must_be_said(given, words, monkeypatch):
    """Neither id nor name, or both: refused before anything is asked of the API but whether it is there."""
    monkeypatch.setattr("towpath.client.client.Client.graphql", lambda *_, **__: {})
    with pytest.raises(Exception, match=words):
        create_flow_run.run(**given)
