"""Runs that create runs: who is whose parent, what is cancelled with whom, and what a parent may do to its children."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from towpath_proto.errors import Code
from towpath_service_kit.identity import Role


@pytest.fixture
async def parent(api, make_state):
    """A running flow run, with `token`: the API as its process sees it."""
    run = await api.begun(await api.register("parent"))
    await api.report(run, 1, [{"state": make_state("Running")}])
    return run | {"token": api.as_(Role.RUN, run=run["id"], fence=run["fence"])}


async def family(api, run_id):
    (row,) = await api.rows(
        "select parent_flow_run_id, parent_task_id, parent_map_index, cancel_with_parent from flow_run where id = %s", run_id
    )
    return tuple(row.values())


async def test_a_child_knows_its_parent(api, parent):
    """What a run's token creates is the run's child, whether it says so or not; the task is found by its slug."""
    flow = await api.register("child")
    (task,) = await api.rows("select task_id from task_run where id = %s", parent["tasks"]["a-2"])
    plain = await parent["token"].create(flow)
    named = await parent["token"].create(
        flow, parent_flow_run_id=str(parent["id"]), parent_task_slug="a-2", parent_map_index=3, cancel_with_parent=True
    )
    unknown = await parent["token"].create(flow, parent_task_slug="no such task")
    by_hand = await api.create(flow, parent_flow_run_id=str(parent["id"]), parent_task_slug="a-2")
    assert await family(api, plain) == (parent["id"], None, None, False)
    assert await family(api, named) == (parent["id"], task["task_id"], 3, True)
    assert await family(api, unknown) == (parent["id"], None, None, False)
    assert await family(api, by_hand) == (parent["id"], task["task_id"], None, False)
    assert await family(api, await api.create(flow)) == (None, None, None, False)


async def test_nobody_becomes_a_parent_against_the_rules(api, parent):
    """A run's token cannot make another run a parent; a run that does not exist is nobody's parent. Neither makes a run."""
    flow = await api.register("child")
    other = await api.create(flow)
    refused = await parent["token"].refused("create_flow_run", "id", flow_id=flow, parent_flow_run_id=str(other))
    assert refused.code is Code.FORBIDDEN
    refused = await api.refused("create_flow_run", "id", flow_id=flow, parent_flow_run_id=str(uuid4()))
    assert refused.code is Code.NOT_FOUND
    assert len(await api.rows("select 1 from flow_run where flow_id = %s", flow)) == 1


@pytest.mark.parametrize("how", ["cancel_flow_run", "set_flow_run_states", "its own report"])
async def test_a_cancellation_goes_down(api, parent, make_state, how):
    """With a parent its open children and theirs are cancelled, if made so: what runs is stopped, what waits never begins."""
    flow = await api.register("child")
    both = {"parent_flow_run_id": str(parent["id"]), "cancel_with_parent": True}
    running = await api.begun(flow, **both)
    await api.report(running, 1, [{"state": make_state("Running")}])
    waiting = await parent["token"].create(flow, cancel_with_parent=True)
    below = await api.create(flow, parent_flow_run_id=str(running["id"]), cancel_with_parent=True)
    free = await parent["token"].create(flow)
    under_free = await api.create(flow, parent_flow_run_id=str(free), cancel_with_parent=True)
    if how == "cancel_flow_run":
        await api.call(how, "state", flow_run_id=str(parent["id"]))
    elif how == "set_flow_run_states":
        await api.call(how, "states { id }", states=[{"flow_run_id": str(parent["id"]), "state": make_state("Cancelling")}])
    else:
        await api.report(parent, 2, [{"state": make_state("Cancelled")}])
    assert await api.state(running["id"]) == "Cancelling"
    assert [await api.state(r) for r in (waiting, below)] == ["Cancelled", "Cancelled"]
    assert [await api.state(r) for r in (free, under_free)] == ["Scheduled", "Scheduled"]
    (row,) = await api.rows("select state_message, heartbeat from flow_run where id = %s", waiting)
    assert row == {"state_message": f"Cancelled with its parent, flow run {parent['id']}.", "heartbeat": None}
    assert {t["state"] for t in (await api.tasks_of(waiting)).values()} == {"Cancelled"}
    answer = await api.report(running, 2, [])
    assert answer["cancel"] is True


async def test_a_cancelled_parent_creates_no_child_that_would_be_lost(api, parent):
    """A creation and a cancellation at the same time: the child is cancelled too, or it is not made; children of their own go on."""
    flow = await api.register("child")

    async def create():
        return await parent["token"].call(
            "create_flow_runs", "results", runs=[{"flow_id": str(flow), "cancel_with_parent": True} for _ in range(20)]
        )

    cancel = api.call("cancel_flow_run", "state", flow_run_id=str(parent["id"]))
    answers = await asyncio.gather(*(create() for _ in range(3)), cancel, *(create() for _ in range(3)))
    items = [i for a in answers if "results" in a for i in a["results"]]
    assert {i.get("code") for i in items} <= {None, "ILLEGAL_TRANSITION"}
    assert {r["state"] for r in await api.rows("select distinct state from flow_run where flow_id = %s", flow)} <= {"Cancelled"}
    assert await parent["token"].create(flow)


async def test_a_parent_may_name_cancel_and_restart_its_children(api, parent):
    """A run's token does so to the runs that it has created, and to no others."""
    flow = await api.register("child")
    mine, others = await parent["token"].create(flow), await api.create(flow)
    calls = [("set_flow_run_name", "success", {"name": "n"}), ("cancel_flow_run", "state", {}), ("restart_flow_run", "success", {})]
    for name, answer, more in calls:
        await parent["token"].call(name, answer, flow_run_id=str(mine), **more)
        refused = await parent["token"].refused(name, answer, flow_run_id=str(others), **more)
        assert refused.code is Code.FORBIDDEN
    (row,) = await api.rows("select name, state, attempt from flow_run where id = %s", mine)
    assert row == {"name": "n", "state": "Scheduled", "attempt": 2}


async def test_an_agent_without_room_gets_one_child_of_each_parent(api, parent):
    """With limit 0 and children_of an agent is given the oldest due child of each of these runs that it can run, and nothing else."""
    flow = await api.register("child")
    await api.create(flow)
    first = await parent["token"].create(flow)
    await parent["token"].create(flow)
    await parent["token"].create(flow, labels=["gpu"], scheduled_start_time="2020-01-01T00:00:00Z")
    agent = await api.agent()
    assert (await api.claim(agent, limit=0))["runs"] == []
    document = "mutation($i: claim_flow_runs_input!) { claim_flow_runs(input: $i) { runs { id parent_flow_run_id } } }"
    given = {"agent_id": str(agent), "run_config_types": ["UniversalRun"], "limit": 0, "children_of": [str(parent["id"]), str(uuid4())]}
    claimed = (await api(document, i=given))["claim_flow_runs"]["runs"]
    assert claimed == [{"id": str(first), "parent_flow_run_id": str(parent["id"])}]


async def test_deleting_a_parent_leaves_its_children(api, parent):
    """A child outlives the deletion of its parent, without one."""
    child = await parent["token"].create(await api.register("child"), parent_task_slug="a-1")
    await api.call("delete_flow_run", flow_run_id=str(parent["id"]))
    assert (await family(api, child))[0] is None
    assert await api.state(child) == "Scheduled"
