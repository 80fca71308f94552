"""What people set for a flow's group, and what the unmodified client makes of it."""

from __future__ import annotations

import pytest

CREATE = """
from prefect import Client
from prefect.backend import FlowRunView, FlowView
run = Client().create_flow_run(flow_id=given["flow"])
view, flow = FlowRunView.from_flow_run_id(run), FlowView.from_flow_id(given["flow"])
answer = {"labels": sorted(view.labels), "parameters": view.parameters, "run_config": view.run_config.serialize()["type"],
          "group": sorted(flow.flow_group_labels or [])}
Client().cancel_flow_run(run)
"""


@pytest.fixture
def change(site):
    """`change(mutation, **input)` of the flow `waits` or its group; everything is set back in the end."""
    flow = {"flow_id": site.flows["waits"]}
    ((group,),) = site.sql("select flow_group_id::text from flow where id = %s", flow["flow_id"])

    def call(mutation, **given):
        named = {"flow_group_id": group} if "flow_group" in mutation else flow
        site.query(f"mutation ($i: {mutation}_input!) {{ {mutation}(input: $i) {{ success }} }}", i=named | given)

    yield call
    call("enable_flow_heartbeat")
    call("set_flow_group_labels", labels=None)
    call("set_flow_group_run_config", run_config=None)
    call("set_flow_group_default_parameters", parameters={})


@pytest.mark.parametrize("enabled", [False, True])
def test_a_flow_that_need_not_beat_does_not(site, change, tmp_path, until, enabled):
    """The client reads the setting where Prefect Server never wrote it, and starts no heart for the run."""
    change(f"{'enable' if enabled else 'disable'}_flow_heartbeat")
    trace, gate = tmp_path / "trace", tmp_path / "gate"
    run_id = site.create("waits", parameters={"trace": str(trace), "gate": str(gate)})
    until("the task begins", lambda: trace.exists() and "begin" in trace.read_text())
    hearts = [p for p in site.processes(run_id) if "heartbeat" in p.cmdline()]
    gate.touch()
    site.ended(run_id)
    assert bool(hearts) is enabled


def test_a_run_takes_what_its_group_says(site, change):
    """Labels, run config and default parameters of the group stand before those of the flow; the client shows them."""
    change("set_flow_group_labels", labels=["barge", "anchor"])
    change("set_flow_group_run_config", run_config={"type": "DockerRun", "labels": ["dry"], "image": "boat:1", "env": {}})
    change("set_flow_group_default_parameters", parameters={"trace": "t", "gate": "g"})
    answer = site.ask(CREATE, flow=site.flows["waits"])
    assert answer == {
        "labels": ["anchor", "barge"],
        "group": ["anchor", "barge"],
        "parameters": {"trace": "t", "gate": "g"},
        "run_config": "DockerRun",
    }
