"""Limits on tags: never more task runs than slots, first come first served, nothing leaked, whoever asks and however it ends."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from tests.integration.graphql.limiting import ask, begun, running1, set_flow, set_task, slots, tag_limit
from towpath_proto.errors import Code
from towpath_service_kit.identity import Role


async def test_a_prefect_1_task_above_the_limit_is_queued_and_asks_again(api):
    """QUEUED is answered and stored while the slots are taken; who asks again waits at its place, without history, and gets the slot."""
    await tag_limit(api, 1)
    _, (a, b, c) = await running1(api)
    assert await set_task(api, a, "Running", 0) == "SUCCESS"
    assert await set_task(api, b, "Running", 0) == "QUEUED"
    assert await set_task(api, c, "Running", 0) == "QUEUED"
    assert await set_task(api, c, "Running", 1) == "QUEUED"
    (row,) = await api.rows("select state, version, serialized_state from task_run where id = %s", b)
    assert (row["state"], row["version"], row["serialized_state"]["state"]["type"]) == ("Queued", 1, "Running")
    assert row["serialized_state"]["message"] == "Waits for a free slot of the limit on tag 'db' (1)."
    assert await slots(api) == (1, 2)
    assert await set_task(api, a, "Success") == "SUCCESS"
    assert await set_task(api, c, "Running", 1) == "QUEUED"  # b came first
    assert await set_task(api, b, "Running", 1) == "SUCCESS"
    assert await set_task(api, b, "Success") == "SUCCESS"
    assert await set_task(api, c, "Running", 1) == "SUCCESS"
    assert await slots(api) == (1, 0)
    assert [r["state"] for r in await api.rows("select state from task_run_state where task_run_id = %s order by version", c)] == [
        "Queued",
        "Running",
    ]


async def test_a_task_that_does_not_run_keeps_no_slot(api):
    """Every end and every rest frees the slot: success, failure, a retry, a pause, a skip; a loop keeps it from turn to turn."""
    await tag_limit(api, 1)
    _, (a, b, _) = await running1(api)
    for ways in (("Failed", "Retrying"), ("Paused",), ("Looped", "Running", "Success", "Cached")):
        for kind in ("Running", *ways):
            assert await set_task(api, a, kind) == "SUCCESS", kind
            if kind == "Looped":
                assert await slots(api) == (1, 0)
                assert await set_task(api, b, "Running") == "QUEUED"
        assert (await slots(api))[0] == 0, ways
    assert await set_task(api, b, "Running") == "SUCCESS"
    assert await set_task(api, b, "TriggerFailed") == "SUCCESS"
    assert await slots(api) == (0, 0)


@pytest.mark.parametrize("end", ["Success", "Failed", "Cancelled", "expire", "delete", "delete_flow", "cancel"])
async def test_whatever_ends_a_run_frees_its_slots_and_its_places(api, end):
    """The flow run's end, its cancellation, its lost lease and its deletion free what its task runs hold and wait for."""
    await tag_limit(api, 1)
    run, (a, b, _) = await running1(api)
    assert [await set_task(api, t, "Running") for t in (a, b)] == ["SUCCESS", "QUEUED"]
    if end == "expire":
        await api.open_gate()
        await api.expire(run)
        (fence,) = await api.rows("select fence from flow_run where id = %s", run)
        loops = api.as_(Role.SERVICE, tenant=None)
        assert (await loops.call("reap_flow_runs", "results", runs=[{"flow_run_id": run, **fence}]))["results"][0]["status"] == "SUCCESS"
    elif end == "delete":
        await api.call("delete_flow_run", flow_run_id=run)
    elif end == "delete_flow":
        (flow,) = await api.rows("select flow_id from flow_run where id = %s", run)
        await api.call("delete_flow", flow_id=flow["flow_id"])
    elif end == "cancel":
        await api.call("cancel_flow_run", "state", flow_run_id=run)
        await set_flow(api, run, "Cancelled")
    else:
        await set_flow(api, run, end)
    assert await slots(api) == (0, 0)
    _, (other, *_) = await running1(api, "another")
    assert await set_task(api, other, "Running") == "SUCCESS"


async def test_a_refused_state_takes_no_slot(api):
    """A wrong version, a run that is not Running, a finished task: refused as ever, with no slot taken and no place in the line."""
    await tag_limit(api, 1)
    run, (a, b, _) = await running1(api)
    assert (await api.refused("set_task_run_states", "states { id }", states=[running(a, 7)])).code is Code.VERSION_LOCKING_ERROR
    assert await set_task(api, b, "Success") == "SUCCESS"
    assert (await api.refused("set_task_run_states", "states { id }", states=[running(b)])).code is Code.ILLEGAL_TRANSITION
    await set_flow(api, run, "Cancelling")
    assert (await api.refused("set_task_run_states", "states { id }", states=[running(a)])).code is Code.FLOW_RUN_NOT_RUNNING
    assert await slots(api) == (0, 0)


def running(task_run_id, version=None):
    return {"task_run_id": task_run_id, "state": {"type": "Running"}, "version": version}


async def test_several_tags_take_all_their_slots_or_none(api):
    """A task under two limits waits in both lines until each has a slot; in one call a slot that is freed is given at once."""
    await tag_limit(api, 1, "db")
    await tag_limit(api, 2, "net")
    _, (both,) = await running1(api, "both", 1, ("db", "net", "free"))
    _, (db, _) = await running1(api, "db", 2, ("db",))
    _, (net, net2) = await running1(api, "net", 2, ("net",))
    assert await set_task(api, db, "Running") == "SUCCESS"
    assert await set_task(api, both, "Running") == "QUEUED"
    assert (await api.rows("select serialized_state ->> 'message' as m from task_run where id = %s", both))[0]["m"] == (
        "Waits for a free slot of the limit on tag 'db' (1)."
    )
    assert await set_task(api, net, "Running") == "SUCCESS"
    assert await set_task(api, net2, "Running") == "QUEUED"  # the second slot is for the one that came before
    answer = await api.call(
        "set_task_run_states", "states { status }", states=[{"task_run_id": db, "state": {"type": "Success"}}, running(both)]
    )
    assert [s["status"] for s in answer["states"]] == ["SUCCESS", "SUCCESS"]
    held = await api.rows("select l.name, count(*) from concurrency_slot s join concurrency_limit l on l.id = limit_id where acquired"
                          " is not null group by 1 order by 1")  # fmt: skip
    assert [tuple(r.values()) for r in held] == [("db", 1), ("net", 2)]


async def test_limits_are_made_changed_counted_and_lifted(api):
    """What runs when a limit is made holds a slot; lowering takes nothing away; 0 lets nothing run; deleting lets everybody go on."""
    _, (a, b, c) = await running1(api)
    assert await set_task(api, a, "Running") == "SUCCESS"
    limit = await tag_limit(api, 1)
    assert await slots(api) == (1, 0)
    assert await set_task(api, b, "Running") == "QUEUED"
    assert await tag_limit(api, 2) == limit
    assert await set_task(api, b, "Running") == "SUCCESS"
    assert await tag_limit(api, 0) == limit
    assert (await slots(api))[0] == 2
    assert await set_task(api, c, "Running") == "QUEUED"
    assert (await api.refused("delete_flow_concurrency_limit", limit_id=limit)).code is Code.NOT_FOUND
    assert await api.call("delete_task_tag_limit", limit_id=limit) == {"success": True}
    assert (await api.refused("delete_task_tag_limit", limit_id=limit)).code is Code.NOT_FOUND
    assert await set_task(api, c, "Running") == "SUCCESS"
    actions = await api.rows("select action, detail from audit where entity = 'concurrency_limit' order by id")
    assert [(r["action"], r["detail"].get("limit")) for r in actions] == [
        ("update_task_tag_limit", 1),
        ("update_task_tag_limit", 2),
        ("update_task_tag_limit", 0),
        ("delete_task_tag_limit", None),
    ]


async def test_who_may_set_limits_and_which(api):
    """Admins and operators; a name and a number from 0; another tenant's limits count its own runs only."""
    for role in (Role.VIEWER, Role.AGENT):
        assert (await api.as_(role).refused("update_task_tag_limit", "id", tag="db", limit=1)).code is Code.FORBIDDEN
        assert (await api.as_(role).refused("delete_flow_concurrency_limit", limit_id=uuid4())).code is Code.FORBIDDEN
    assert (await api.refused("update_task_tag_limit", "id", tag="db", limit=-1)).code is Code.BAD_REQUEST
    for name in ("", " ", "x" * 256, "a\0"):
        assert (await api.refused("update_flow_concurrency_limit", "id", label=name, limit=1)).code is Code.BAD_REQUEST
    document = "mutation($i: create_tenant_input!) { create_tenant(input: $i) { id } }"
    other = api.as_(Role.ADMIN, tenant=UUID((await api(document, i={"name": "O", "slug": "o"}))["create_tenant"]["id"]))
    theirs = await tag_limit(other, 0)
    assert theirs != await tag_limit(api, 1)
    _, (a, b, _) = await running1(api)
    assert [await set_task(api, t, "Running") for t in (a, b)] == ["SUCCESS", "QUEUED"]
    _, (c, *_) = await running1(other)
    assert await set_task(other, c, "Running") == "QUEUED"
    assert (await api.refused("delete_task_tag_limit", limit_id=theirs)).code is Code.NOT_FOUND


# --------------------------------------------------------------------------------------------------------------------- tags, native


async def test_a_native_run_asks_before_its_tasks_run(api):
    """begin_run and each report name the tags with limits; a slot is granted, asking again changes nothing, reports free it."""
    run = await begun(api)
    report = {"flow_run_id": run["id"], "fence": run["fence"], "reporter": "engine", "states": []}
    assert (await api.call("report_run", "limited_tags", sequence=2, **report))["limited_tags"] == []
    limit = await tag_limit(api, 1)
    await tag_limit(api, 1, "another")
    assert (await api.call("report_run", "limited_tags", sequence=3, **report))["limited_tags"] == ["db"]
    for _ in range(2):
        assert (await ask(api, run, "a-1"))[0] == ["GRANTED"]
        statuses, answer = await ask(api, run, "a-2", "a-3")
        assert (statuses, answer["retry_after"], answer["cancel"]) == (["WAITING", "WAITING"], 0.2, False)
    assert answer["results"][0]["message"] == "Waits for a free slot of the limit on tag 'db' (1)."
    assert await slots(api) == (1, 2)
    await api.report(run, 4, [{"slug": "a-2", "state": {"type": "Queued"}}, {"slug": "a-1", "state": {"type": "Running"}}])
    assert (await ask(api, run, "a-3", "a-2"))[0] == ["WAITING", "WAITING"]
    await api.report(run, 5, [{"slug": "a-1", "state": {"type": "Success"}}])
    assert (await ask(api, run, "a-3", "a-2"))[0] == ["WAITING", "GRANTED"]
    await api.report(run, 6, [{"slug": "a-2", "state": {"type": "Running"}}])
    await api.call("delete_task_tag_limit", limit_id=limit)
    statuses, answer = await ask(api, run, "a-3")
    assert (statuses, answer["retry_after"]) == (["GRANTED"], None)
    assert await slots(api) == (0, 0)
    await tag_limit(api, 1)
    claimed = await api.claim(await api.agent(), limit=1)
    assert claimed["runs"] == []
    await api.create(await api.register(tags=("db", "free")))
    (mine,) = (await api.claim(await api.agent()))["runs"]
    begun_run = await api.call("begin_run", "limited_tags", flow_run_id=mine["id"], fence=mine["fence"], holder="p")
    assert begun_run["limited_tags"] == ["db"]


async def test_children_that_have_no_rows_yet_can_ask(api):
    """A mapped child asks by slug and index before its first state; its row is made, and its states follow."""
    await tag_limit(api, 2)
    run = await begun(api, tasks=1)
    assert (await ask(api, run, ("a-1", 0), ("a-1", 1), ("a-1", 2)))[0] == ["GRANTED", "GRANTED", "WAITING"]
    assert (await ask(api, run, ("a-1", 2), ("a-1", 1)))[0] == ["WAITING", "GRANTED"]
    ran = [{"slug": "a-1", "map_index": 0, "state": {"type": kind}} for kind in ("Running", "Success")]
    answer = await api.report(run, 2, ran)
    assert [r["status"] for r in answer["results"]] == ["SUCCESS", "SUCCESS"]
    assert (await ask(api, run, ("a-1", 2)))[0] == ["GRANTED"]
    assert (await ask(api, run, "nobody", ("a-1", 0)))[0] == ["ERROR", "ERROR"]


async def test_only_the_owner_asks(api):
    """An older fence, a run that nobody owns, a stranger's token and too many tasks are refused; nothing is taken."""
    await tag_limit(api, 1)
    run = await begun(api)
    asked = {"flow_run_id": run["id"], "fence": run["fence"], "tasks": [{"slug": "a-1"}]}
    assert (await api.refused("request_slots", "results", **(asked | {"fence": 0}))).code is Code.FENCED
    assert (await api.refused("request_slots", "results", **(asked | {"tasks": "a-1"}))).code is Code.BAD_REQUEST
    many = [{"slug": "a-1", "map_index": i} for i in range(501)]
    assert (await api.refused("request_slots", "results", **(asked | {"tasks": many}))).code is Code.LIMIT_EXCEEDED
    await api.report(run, 2, [{"state": {"type": "Success"}}])
    assert (await api.refused("request_slots", "results", **asked)).code is Code.FENCED
    assert await slots(api) == (0, 0)


async def test_a_native_run_that_is_lost_frees_its_slots(api):
    """A crash gives back slots of tasks that ran, that were granted one and had not begun, and that waited; the next life asks anew."""
    await tag_limit(api, 2)
    run = await begun(api)
    assert (await ask(api, run, "a-1", "a-2", "a-3"))[0] == ["GRANTED", "GRANTED", "WAITING"]
    await api.report(run, 2, [{"slug": "a-1", "state": {"type": "Running"}}])
    await api.report(run, 1, [{"state": {"type": "Failed", "message": "was killed"}}], reporter="supervisor")
    assert await slots(api) == (0, 0)
    assert (await api.rows("select holds_slots from flow_run"))[0]["holds_slots"] is False


async def test_who_stops_asking_holds_up_nobody(api):
    """A place in the line counts for half a lease after it was asked for last; who asks again has the old place."""
    await tag_limit(api, 1)
    _, (a, b, c) = await running1(api)
    assert [await set_task(api, t, "Running") for t in (a, b, c)] == ["SUCCESS", "QUEUED", "QUEUED"]
    assert await set_task(api, a, "Success") == "SUCCESS"
    assert await set_task(api, c, "Running") == "QUEUED"
    stale = "update concurrency_slot set asked = now() - interval '46 seconds' where task_run_id = %s returning 1"
    assert await api.rows(stale, b)
    assert await set_task(api, c, "Running") == "SUCCESS"
    assert await set_task(api, c, "Success") == "SUCCESS"
    assert await set_task(api, b, "Running") == "SUCCESS"


async def test_no_more_are_granted_than_can_be_begun(api):
    """A process that can begin one more names several: the first that can is granted, those behind it are not even put in a line."""
    await tag_limit(api, 1)
    await tag_limit(api, 1, "net")
    other = await begun(api, ("db",))
    assert (await ask(api, other, "a-1"))[0] == ["GRANTED"]
    db = await begun(api, ("db",))
    assert (await ask(api, db, "a-1", "a-2", most=1))[0] == ["WAITING", "WAITING"]
    net = await begun(api, ("net",))
    statuses, answer = await ask(api, net, "a-1", "a-2", "a-3", most=1)
    assert statuses == ["GRANTED", "WAITING", "WAITING"]
    assert [r["message"] for r in answer["results"]] == [None, None, None]
    assert await slots(api) == (2, 2)


async def test_who_leaves_and_comes_back_in_one_call_is_new(api):
    """A call that ends a try and begins the next, with another's wish between them: the slot is the other's, and nobody is one too many."""
    await tag_limit(api, 1)
    _, (a, b, _) = await running1(api)
    assert await set_task(api, a, "Running") == "SUCCESS"
    kinds = [(a, "Failed"), (a, "Retrying"), (b, "Running"), (a, "Running")]
    states = [{"task_run_id": task, "state": {"type": kind}} for task, kind in kinds]
    answer = await api.call("set_task_run_states", "states { status }", states=states)
    assert [s["status"] for s in answer["states"]] == ["SUCCESS", "SUCCESS", "SUCCESS", "QUEUED"]
    assert await slots(api) == (1, 1)
    assert await set_task(api, b, "Success") == "SUCCESS"
    assert await set_task(api, a, "Running") == "SUCCESS"
