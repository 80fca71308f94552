"""Schedules and versions: what the scheduler proposes, and what becomes of runs when a flow is registered again."""

from __future__ import annotations

import asyncio
from uuid import uuid4

from towpath_proto.errors import Code, TowpathError
from towpath_proto.timers import SCHEDULE_AHEAD

INTERVAL = {
    "clocks": [{"type": "IntervalClock", "interval": 3600000000, "start_date": {"dt": "2026-01-01T00:00:00", "tz": "UTC"}}],
}
SOURCES = "query($a: UUID, $n: Int) { schedule_sources(after: $a, limit: $n) { flow_id flow_name schedule upcoming now } }"


def loops(api):
    """The same API as the loops see it."""
    return api.as_("service", tenant=None)


async def scheduled(api, name="canal", **flow):
    """A flow with an active hourly schedule, and the key of its clock."""
    flow_id = await api.register(name, schedule=INTERVAL, **flow)
    (row,) = await api.rows("select key from flow_clock where flow_id = %s", flow_id)
    return flow_id, row["key"]


def slots(flow_id, clock, hours):
    """Proposals for these hours of a day far ahead."""
    return [{"flow_id": flow_id, "clock": clock, "fire_time": f"2999-01-01T{h:02}:00:00+00:00"} for h in hours]


async def schedule(api, runs):
    """The answers to a proposal."""
    return (await loops(api).call("schedule_flow_runs", "results", runs=runs))["results"]


async def test_sources_come_in_pages(api):
    """Active schedules are paged by id; archived, inactive and unscheduled flows are not among them."""
    ids = [(await scheduled(api, f"boat {i}"))[0] for i in range(5)]
    await api.register("no schedule")
    await api.call("set_schedule_inactive", flow_id=ids[0])
    await api.call("archive_flow", flow_id=ids[1])
    found, after = [], None
    while page := (await loops(api)(SOURCES, a=after, n=2))["schedule_sources"]:
        found += page
        after = page[-1]["flow_id"]
    assert [f["flow_id"] for f in found] == sorted(map(str, ids[2:]))
    assert found[0]["schedule"] == INTERVAL


async def test_a_slot_is_scheduled_once(api):
    """The same proposal twice, and twice at the same time, makes each run once and says which were there; they are upcoming then."""
    flow_id, clock = await scheduled(api)
    wanted = slots(flow_id, clock, range(5))
    first = await schedule(api, wanted)
    assert [r["status"] for r in first] == ["SUCCESS"] * 5
    assert [r["status"] for r in await schedule(api, wanted)] == ["EXISTS"] * 5
    more = slots(flow_id, clock, range(3, 20))
    answers = await asyncio.gather(*(schedule(api, more) for _ in range(4)))
    made = [r["status"] for answer in answers for r in answer]
    assert made.count("SUCCESS") == 15
    assert made.count("EXISTS") == 4 * 17 - 15
    assert len({r["id"] for answer in answers for r in answer} | {r["id"] for r in first}) == 20
    rows = await api.rows("select auto_scheduled, schedule_clock, due_at = scheduled_start_time as offered from flow_run")
    assert rows == [{"auto_scheduled": True, "schedule_clock": clock, "offered": True}] * (20 + SCHEDULE_AHEAD)
    (source,) = (await loops(api)(SOURCES))["schedule_sources"]
    assert len(source["upcoming"]) == 20 + SCHEDULE_AHEAD
    assert {u["clock"] for u in source["upcoming"]} == {clock}


async def test_bad_proposals_are_answered_one_by_one(api):
    """Unknown, archived and inactive flows are refused with their codes, and spoil nothing."""
    good, clock = await scheduled(api)
    archived, _ = await scheduled(api, "archived")
    inactive, _ = await scheduled(api, "inactive")
    await api.call("archive_flow", flow_id=archived)
    await api.call("set_schedule_inactive", flow_id=inactive)
    runs = [s for f in (uuid4(), archived, inactive, good) for s in slots(f, clock, [1])]
    results = await schedule(api, runs)
    assert [r.get("code", r["status"]) for r in results] == [Code.NOT_FOUND, Code.FLOW_ARCHIVED, Code.BAD_SCHEDULE, "SUCCESS"]


async def test_switching_a_schedule_off_takes_its_runs_away(api):
    """set_schedule_inactive deletes what nobody has taken; what was claimed, and what people made, stays."""
    flow_id, clock = await scheduled(api)
    await schedule(api, slots(flow_id, clock, range(3)))
    manual = await api.create(flow_id, scheduled_start_time="2999-01-01T00:00:00")
    await api.rows(
        "update flow_run set due_at = now() where id = (select min(id::text)::uuid from flow_run where auto_scheduled) returning 1"
    )
    (claimed,) = (await api.claim(await api.agent()))["runs"]
    assert (await api.call("set_schedule_inactive", flow_id=flow_id))["success"] is True
    left = {str(r["id"]): r["state"] for r in await api.rows("select id, state from flow_run")}
    assert left == {claimed["id"]: "Submitted", str(manual): "Scheduled"}
    gone = "select 1 from flow_run_state s where not exists (select 1 from flow_run r where r.id = s.flow_run_id)"
    assert await api.rows(gone) == []
    assert (await api.call("set_schedule_active", flow_id=flow_id))["success"] is True


async def test_a_schedule_must_give_every_required_parameter(api):
    """A schedule that leaves a required parameter open is refused when it is switched on, naming it."""
    flow = {"schedule": INTERVAL, "parameters": [{"name": "lock", "required": True}]}
    flow_id = await api.register1(**{**flow, "schedule": None})
    assert (await api.call("set_schedule_active", flow_id=flow_id))["success"] is False
    project = (await api.rows("select project_id from flow"))[0]["project_id"]
    serialized = {"name": "x", "tasks": [], "edges": [], **flow}
    given = {"serialized_flow": serialized, "project_id": project, "set_schedule_active": False}
    made = await api.call("create_flow", "id", **given)
    refused = await api.refused("set_schedule_active", flow_id=made["id"])
    assert refused.code is Code.MISSING_PARAMETER
    assert refused.detail["parameters"] == ["lock"]
    clock = {**INTERVAL["clocks"][0], "parameter_defaults": {"lock": 1}}
    given["serialized_flow"] = {**serialized, "schedule": {"clocks": [clock]}}
    made = await api.call("create_flow", "id", **given)
    assert (await api.call("set_schedule_active", flow_id=made["id"]))["success"] is True


async def test_a_new_version_retires_the_old_one(api):
    """The older version is archived: its scheduled runs go, people's runs are cancelled with the reason, a taken run goes on."""
    old, clock = await scheduled(api)
    await schedule(api, slots(old, clock, range(2)))
    taken = await api.begun(old)
    manual = await api.create(old)
    paused = await api.create(old)
    state = {"type": "Paused", "message": "wait"}
    await api.call("set_states", "results", states=[{"flow_run_id": paused, "state": state}])
    new, _ = await scheduled(api)
    rows = await api.rows("select id, version, archived, is_schedule_active from flow order by version")
    assert [(r["id"], r["version"], r["archived"], r["is_schedule_active"]) for r in rows] == [(old, 1, True, False), (new, 2, False, True)]
    runs = {r["id"]: r for r in await api.rows("select id, state, state_message from flow_run where flow_id = %s", old)}
    assert {i: r["state"] for i, r in runs.items()} == {taken["id"]: "Submitted", manual: "Cancelled", paused: "Cancelled"}
    assert "Version 2" in runs[manual]["state_message"]
    assert (await api.refused("create_flow_run", "id", flow_id=old)).code is Code.FLOW_ARCHIVED
    assert (await schedule(api, slots(new, clock, [1])))[0]["status"] == "SUCCESS"
    group = (await api.rows("select version_group_id from flow where id = %s", new))[0]["version_group_id"]
    made = await api.call("create_flow_run", "id", version_group_id=group)
    assert (await api.rows("select flow_id from flow_run where id = %s", made["id"])) == [{"flow_id": new}]


async def test_first_registrations_at_the_same_time_share_a_group(api):
    """Four first registrations of one name are four versions of one flow, and one of them is in force."""
    await asyncio.gather(*(api.register("new boat") for _ in range(4)))
    rows = await api.rows("select version, archived, flow_group_id from flow order by version")
    assert [r["version"] for r in rows] == [1, 2, 3, 4]
    assert len({r["flow_group_id"] for r in rows}) == 1
    assert [r["archived"] for r in rows] == [True, True, True, False]


async def test_registering_races_with_running(api):
    """While versions are registered and runs are created and claimed at the same time, no waiting run is left at an archived version."""
    flow_id = await api.register()
    agent = await api.agent()
    refusals: list[Code] = []

    async def create():
        try:
            await api.create(flow_id)
        except TowpathError as e:
            refusals.append(e.code)

    await asyncio.gather(*(create() for _ in range(10)), api.register(), *(api.claim(agent, limit=1) for _ in range(3)))
    assert set(refusals) <= {Code.FLOW_ARCHIVED}
    left = await api.rows("select r.state from flow_run r join flow f on f.id = r.flow_id where f.archived")
    assert {r["state"] for r in left} <= {"Submitted", "Cancelled"}


async def test_deleting_leaves_nothing(api, make_state):
    """Deleting a run, a flow and a project takes their history and logs along, and says NOT_FOUND the second time."""
    flow_id = await api.register()
    for _ in range(2):
        run = await api.begun(flow_id)
        await api.report(
            run, 1, [{"state": make_state("Running")}, {"slug": "a-1", "state": make_state("Running")}], logs=[{"message": "m"}]
        )
    rest = "select 1 from flow_run_state union all select 1 from task_run_state union all select 1 from log"
    await api.call("delete_flow_run", flow_run_id=run["id"])
    assert (await api.refused("delete_flow_run", flow_run_id=run["id"])).code is Code.NOT_FOUND
    assert len(await api.rows("select 1 from flow_run")) == 1
    await api.call("delete_flow", flow_id=flow_id)
    assert (await api.refused("delete_flow", flow_id=flow_id)).code is Code.NOT_FOUND
    assert await api.rows(rest) == []
    other = await api.create(await api.register("other"))
    (project,) = await api.rows("select id from project")
    await api.call("delete_project", project_id=project["id"])
    assert await api.rows(rest) == []
    assert (await api.refused("cancel_flow_run", "state", flow_run_id=other)).code is Code.NOT_FOUND
