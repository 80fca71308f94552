"""Flow groups: what all versions of a flow share, and how a change of it reaches the runs that were made ahead."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from towpath_proto.errors import Code, TowpathError
from towpath_service_kit.identity import Role

HOURLY = {"clocks": [{"type": "IntervalClock", "interval": 3_600_000_000, "start_date": {"dt": "2026-01-01T00:00:00", "tz": "UTC"}}]}
AHEAD = 10
LATE = (
    "update flow_run set scheduled_start_time = now() - interval '1 minute', due_at = now() - interval '1 minute' where id = %s returning 1"
)


async def group_of(api, flow_id):
    """A flow's group."""
    return (await api.rows("select g.* from flow f join flow_group g on g.id = f.flow_group_id where f.id = %s", flow_id))[0]


async def ahead(api):
    """The runs that schedules have made, in the order of their times."""
    return await api.rows("select * from flow_run where auto_scheduled order by scheduled_start_time")


async def minutes(api):
    """At which minutes of the hour they are scheduled."""
    return {r["scheduled_start_time"].minute for r in await ahead(api)}


@pytest.mark.parametrize("register", ["at registration", "by a call"])
async def test_ten_runs_are_made_at_once(api, register):
    """Whoever switches a schedule on finds its next runs there; doing it twice doubles none, switching it off takes them away."""
    (project,) = await api.rows("select id from project")
    serialized = {"name": "x", "tasks": [], "edges": [], "schedule": HOURLY}
    given = {"serialized_flow": serialized, "project_id": project["id"], "set_schedule_active": register == "at registration"}
    flow_id = (await api.call("create_flow", "id", **given))["id"]
    for _ in range(2):
        await api.call("set_schedule_active", flow_id=flow_id)
        times = [r["scheduled_start_time"] for r in await ahead(api)]
        assert len(set(times)) == len(times) == AHEAD
    (source,) = (await api("{ schedule_sources { upcoming now } }"))["schedule_sources"]
    assert len(source["upcoming"]) == AHEAD
    await api.call("set_schedule_inactive", flow_id=flow_id)
    assert await ahead(api) == []


async def test_a_groups_schedule_overrides_the_flows(api):
    """Its runs take the place of those made ahead, in microseconds and with its parameters; without it the flow's own holds again."""
    flow_id = await api.register(schedule=HOURLY, parameters=[{"name": "lock", "required": False, "default": 0}])
    manual = await api.create(flow_id, scheduled_start_time="2999-01-01T00:00:00")
    group = await group_of(api, flow_id)
    given = {
        "flow_group_id": group["id"],
        "cron_clocks": [{"cron": "17 * * * *", "parameter_defaults": {"lock": 3}}],
        "interval_clocks": [{"interval": 90_000}],
        "timezone": "UTC",
    }
    assert (await api.call("set_flow_group_schedule", **given))["success"] is True
    stored = (await group_of(api, flow_id))["schedule"]
    assert [c["type"] for c in stored["clocks"]] == ["CronClock", "IntervalClock"]
    assert stored["clocks"][1]["interval"] == 90_000_000_000
    made = await ahead(api)
    assert len(made) == AHEAD
    assert {r["parameters"]["lock"] for r in made if r["scheduled_start_time"].minute == 17} == {3}
    (source,) = (await api("{ schedule_sources { schedule } }"))["schedule_sources"]
    assert source["schedule"] == stored
    await api.call("set_flow_group_schedule", **given)
    assert [r["id"] for r in await ahead(api)] == [r["id"] for r in made]
    for _ in range(2):
        assert (await api.call("delete_flow_group_schedule", flow_group_id=group["id"]))["success"] is True
    assert (await group_of(api, flow_id))["schedule"] is None
    assert (len(await ahead(api)), await minutes(api)) == (AHEAD, {0})
    assert await api.state(manual) == "Scheduled"


async def test_a_proposal_for_an_old_schedule_comes_too_late(api):
    """A scheduler that looked before the schedule changed makes no run of it; what it proposes for others is made."""
    flow_id, other = await api.register(schedule=HOURLY), await api.register("other", schedule=HOURLY)
    clock = (await ahead(api))[0]["schedule_clock"]
    group = await group_of(api, flow_id)
    await api.call("set_flow_group_schedule", flow_group_id=group["id"], cron_clocks=[{"cron": "17 * * * *"}])
    runs = [{"flow_id": f, "clock": clock, "fire_time": "2999-01-01T00:00:00Z"} for f in (flow_id, other)]
    results = (await api.as_("service", tenant=None).call("schedule_flow_runs", "results", runs=runs))["results"]
    assert [r.get("code", r["status"]) for r in results] == [Code.BAD_SCHEDULE, "SUCCESS"]
    assert {r["flow_id"] for r in await ahead(api) if r["scheduled_start_time"].year == 2999} == {other}


async def test_a_groups_schedule_is_switched_on_and_off_with_the_flow(api):
    """A flow without a schedule of its own runs by its group's; while it is off no run is made; a new version runs by it, too."""
    flow_id = await api.register1()
    group = await group_of(api, flow_id)
    await api.call("set_flow_group_schedule", flow_group_id=group["id"], cron_clocks=[{"cron": "5 * * * *"}])
    assert await ahead(api) == []
    assert (await api.call("set_schedule_active", flow_id=flow_id))["success"] is True
    assert (len(await ahead(api)), await minutes(api)) == (AHEAD, {5})
    second = await api.register1()
    made = await ahead(api)
    assert (len(made), {r["flow_id"] for r in made}) == (AHEAD, {second})
    await api.call("delete_flow_group_schedule", flow_group_id=group["id"])
    assert await ahead(api) == []


async def test_runs_made_ahead_take_what_the_group_says_now(api):
    """Labels, run config and parameters reach the scheduled runs at once; what people made keeps its own, what is late is not lost."""
    flow_id = await api.register(schedule=HOURLY, parameters=[{"name": "lock", "required": False, "default": 0}])
    group, manual = await group_of(api, flow_id), await api.create(flow_id)
    late = (await ahead(api))[0]["id"]
    assert await api.rows(LATE, late)
    config = {"type": "LocalRun", "labels": ["c"]}
    await api.call("set_flow_group_run_config", flow_group_id=group["id"], run_config=config)
    await api.call("set_flow_group_default_parameters", flow_group_id=group["id"], parameters={"lock": 7, "elsewhere": 1})
    seen = {r["id"]: r for r in await ahead(api)}
    assert (seen.pop(late)["parameters"], len(seen)) == ({"lock": 0}, AHEAD)
    assert {(r["run_config_type"], str(r["labels"]), str(r["parameters"])) for r in seen.values()} == {("LocalRun", "['c']", "{'lock': 7}")}
    await api.call("set_flow_group_labels", flow_group_id=group["id"], labels=["b", "a", "b"])
    assert {str(r["labels"]) for r in await ahead(api) if r["id"] != late} == {"['a', 'b']"}
    created = await api.create(flow_id)
    for run, labels in ((manual, []), (created, ["a", "b"])):
        assert (await api.rows("select labels from flow_run where id = %s", run))[0]["labels"] == labels
    await api.call("set_flow_group_labels", flow_group_id=group["id"], labels=None)
    await api.call("set_flow_group_run_config", flow_group_id=group["id"])
    row = await group_of(api, flow_id)
    assert (row["labels"], row["run_config"]) == (None, None)
    assert {str(r["labels"]) for r in await ahead(api)} == {"[]"}


async def test_a_change_that_would_stop_an_active_schedule_is_refused_whole(api):
    """A schedule that is on must make runs: a default that it needs cannot be taken away, a clock must bring what is required."""
    (project,) = await api.rows("select id from project")
    serialized = {"name": "x", "tasks": [], "edges": [], "schedule": HOURLY, "parameters": [{"name": "lock", "required": True}]}
    given = {"serialized_flow": serialized, "project_id": project["id"], "set_schedule_active": False}
    flow_id = (await api.call("create_flow", "id", **given))["id"]
    group = {"flow_group_id": (await group_of(api, flow_id))["id"]}
    assert (await api.refused("set_schedule_active", flow_id=flow_id)).code is Code.MISSING_PARAMETER
    await api.call("set_flow_group_default_parameters", **group, parameters={"lock": 1})
    await api.call("set_schedule_active", flow_id=flow_id)
    before = await ahead(api)
    refusals = [
        ("set_flow_group_default_parameters", {"parameters": {}}, Code.MISSING_PARAMETER),
        ("set_flow_group_default_parameters", {"parameters": [1]}, Code.BAD_PARAMETERS),
        ("set_flow_group_schedule", {"cron_clocks": [{"cron": "0 1 * * *", "parameter_defaults": {"key": 1}}]}, Code.UNKNOWN_PARAMETER),
        ("set_flow_group_schedule", {"cron_clocks": [{"cron": "every day"}]}, Code.BAD_SCHEDULE),
        ("set_flow_group_schedule", {"interval_clocks": [{"interval": 1}]}, Code.BAD_SCHEDULE),
        ("set_flow_group_schedule", {}, Code.BAD_SCHEDULE),
        ("set_flow_group_run_config", {"run_config": "docker"}, Code.BAD_RUN_CONFIG),
    ]
    for mutation, change, code in refusals:
        assert (await api.refused(mutation, **group, **change)).code is code, (mutation, change)
    assert (await ahead(api), (await group_of(api, flow_id))["default_parameters"]) == (before, {"lock": 1})
    await api.call("set_schedule_inactive", flow_id=flow_id)
    await api.call("set_flow_group_default_parameters", **group, parameters={})


async def test_settings_are_those_of_all_versions(api):
    """A version registered before or after the switch tells its processes the same."""
    first = await api.register()
    second = await api.register()
    for _ in range(2):
        await api.call("disable_flow_heartbeat", flow_id=first)
    await api.call("disable_flow_lazarus_process", flow_id=second)
    third = await api.register()
    told = await api.rows("select id, settings from flow order by version")
    assert told == [{"id": i, "settings": {"heartbeat_enabled": False}} for i in (first, second, third)]
    settings = (await group_of(api, third))["settings"]
    assert (settings["heartbeat_enabled"], settings["disable_heartbeat"], settings["lazarus_enabled"]) == (False, True, False)
    await api.call("enable_flow_heartbeat", flow_id=third)
    await api.call("enable_flow_lazarus_process", flow_id=third)
    assert {str(r["settings"]) for r in await api.rows("select settings from flow")} == {"{'heartbeat_enabled': True}"}
    settings = (await group_of(api, first))["settings"]
    assert (settings["heartbeat_enabled"], settings["disable_heartbeat"], settings["lazarus_enabled"]) == (True, False, True)


async def test_a_flow_moves_with_all_its_versions(api):
    """Its next registration in the new project goes on counting; a project of nobody, or of others, is not found."""
    await api.register()
    flow_id = await api.register()
    project = (await api.call("create_project", "id", name="basin"))["id"]
    tenant = (await api.call("create_tenant", "id", name="Others", slug="others"))["id"]
    other = api.as_(Role.ADMIN, tenant=tenant)
    theirs = (await other.call("create_project", "id", name="theirs"))["id"]
    for target in (uuid4(), theirs):
        assert (await api.refused("update_flow_project", "id", flow_id=flow_id, project_id=target)).code is Code.NOT_FOUND
    for _ in range(2):
        assert (await api.call("update_flow_project", "id", flow_id=flow_id, project_id=project))["id"] == str(flow_id)
    assert await api.rows("select distinct project_id::text from flow") == [{"project_id": project}]
    given = {"project_name": "basin", "serialized_flow": {"name": "canal", "tasks": [], "edges": []}}
    assert (await api.call("register_flow", "version", **given))["version"] == 3


async def test_a_group_goes_with_everything(api, make_state):
    """Versions, runs, history and logs; the second time it is not found; the name begins anew."""
    first = await api.register()
    await api.register()
    await api.register("other", schedule=HOURLY)
    run = await api.begun(await api.register(schedule=HOURLY))
    lines = [{"state": make_state("Running")}, {"slug": "a-1", "state": make_state("Running")}]
    await api.report(run, 1, lines, logs=[{"message": "m"}])
    group = await group_of(api, first)
    await api.call("delete_flow_group", flow_group_id=group["id"])
    assert (await api.refused("delete_flow_group", flow_group_id=group["id"])).code is Code.NOT_FOUND
    assert [r["name"] for r in await api.rows("select name from flow")] == ["other"]
    assert len(await ahead(api)) == AHEAD
    rest = "select 1 from task_run_state union all select 1 from log union all select 1 from flow_run_state where flow_run_id = %s"
    assert await api.rows(rest, run["id"]) == []
    again = await api.register()
    assert await api.rows("select version from flow where id = %s", again) == [{"version": 1}]


async def test_a_description(api):
    """Is set, and taken away again."""
    flow_id = await api.register()
    group = {"flow_group_id": (await group_of(api, flow_id))["id"]}
    await api.call("set_flow_group_description", **group, description="Moves barges.")
    assert (await group_of(api, flow_id))["description"] == "Moves barges."
    await api.call("set_flow_group_description", **group)
    assert (await group_of(api, flow_id))["description"] is None
    actions = [r["action"] for r in await api.rows("select action from audit where entity = 'flow_group'")]
    assert actions == ["set_flow_group_description"] * 2


async def test_changes_at_the_same_time_leave_one_schedules_runs(api):
    """However switching, setting, labelling, registering and creating cross: the runs ahead are those of what is in force then."""
    await api.register(schedule=HOURLY)
    group = await group_of(api, (await api.rows("select id from flow"))[0]["id"])
    named = {"flow_group_id": group["id"]}
    for turn in range(3):
        (flow,) = await api.rows("select id from flow where not archived")
        calls = [
            api.call("set_flow_group_schedule", **named, cron_clocks=[{"cron": f"{11 + turn} * * * *"}]),
            api.call("set_flow_group_schedule", **named, cron_clocks=[{"cron": f"{21 + turn} * * * *"}]),
            api.call("set_flow_group_labels", **named, labels=[f"l-{turn}"]),
            api.call("delete_flow_group_schedule", **named),
            api.call("set_schedule_active", flow_id=flow["id"]),
            api.call("set_schedule_inactive", flow_id=flow["id"]),
            api.register(schedule=HOURLY),
            api.call("create_flow_run", "id", flow_id=flow["id"]),
            api.call("disable_flow_heartbeat", flow_id=flow["id"]),
        ]
        answers = await asyncio.gather(*calls, return_exceptions=True)
        assert {a.code for a in answers if isinstance(a, TowpathError)} <= {Code.FLOW_ARCHIVED}
        assert not [a for a in answers if isinstance(a, BaseException) and not isinstance(a, TowpathError)]
        (row,) = await api.rows("select id, is_schedule_active as active from flow where not archived")
        now = await group_of(api, row["id"])
        runs = await ahead(api)
        minute = int(now["schedule"]["clocks"][0]["cron"].split()[0]) if now["schedule"] else 0
        assert len(runs) == (AHEAD if row["active"] else 0)
        assert {(r["flow_id"], r["scheduled_start_time"].minute, str(r["labels"])) for r in runs} <= {(row["id"], minute, f"['l-{turn}']")}
    assert {str(r["settings"]) for r in await api.rows("select settings from flow")} == {"{'heartbeat_enabled': False}"}
