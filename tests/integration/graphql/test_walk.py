"""The write path on a real database: register → create → claim → begin → report → end."""

from __future__ import annotations

import asyncio
from uuid import RFC_4122, UUID, uuid4

from towpath_proto.errors import Code
from towpath_proto.ids import uuid7_time


async def test_a_run_walks_from_registration_to_its_end(api, make_state):
    """A registered flow's run is claimed once, begun, reported and ends; its history has no gap."""
    flow = await api.register()
    run_id = await api.create(flow)
    agent = await api.agent()
    claimed = await api.claim(agent)
    assert [r["id"] for r in claimed["runs"]] == [str(run_id)]
    assert (await api.claim(agent))["runs"] == []
    fence = claimed["runs"][0]["fence"]
    begun = await api.call(
        "begin_run", "run { flow_name parameters } code { hash blob } task_runs lease", flow_run_id=run_id, fence=fence, holder="me"
    )
    assert begun["run"] == {"flow_name": "canal", "parameters": {}}
    assert begun["code"]["blob"]
    assert sorted(t["slug"] for t in begun["task_runs"]) == ["a-1", "a-2"]
    run = {"id": run_id, "fence": fence}
    answer = await api.report(
        run,
        1,
        [
            {"state": make_state("Running")},
            {"slug": "a-1", "state": make_state("Running"), "timestamp": "2026-01-01T00:00:00+00:00"},
            {"slug": "a-1", "state": make_state("Success"), "timestamp": "2026-01-01T00:00:01+00:00"},
            {"slug": "a-2", "map_index": 0, "state": make_state("Running")},
            {"slug": "a-2", "map_index": 0, "state": make_state("Success")},
            {"slug": "a-2", "state": make_state("Mapped")},
            {"state": make_state("Success")},
        ],
        logs=[{"message": "hello", "level": "INFO"}, {"slug": "a-1", "message": "from a task"}],
    )
    assert [r["status"] for r in answer["results"]] == ["SUCCESS"] * 7
    assert await api.state(run_id) == "Success"
    (first,) = await api.rows("select start_time, end_time from task_run t join task k on k.id = t.task_id where k.slug = 'a-1'")
    assert (first["end_time"] - first["start_time"]).total_seconds() == 1
    assert [r["message"] for r in await api.rows("select message from log order by id")] == ["hello", "from a task"]


async def test_a_replayed_report_changes_nothing(api, make_state):
    """A batch whose sequence was taken is answered REPLAYED, and neither states nor logs are stored twice."""
    run = await api.begun(await api.register())
    states = [{"state": make_state("Running")}]
    await api.report(run, 1, states, logs=[{"message": "once"}])
    again = await api.report(run, 1, states, logs=[{"message": "once"}])
    assert again["replayed"] is True
    assert [r["status"] for r in again["results"]] == ["REPLAYED"]
    assert len(await api.rows("select 1 from log")) == 1


async def test_an_old_fence_is_refused_as_a_whole(api, make_state):
    """FENCED rejects the batch: nothing of it is stored."""
    run = await api.begun(await api.register())
    refused = await api.refused(
        "report_run",
        "results",
        flow_run_id=run["id"],
        fence=run["fence"] - 1,
        reporter="engine",
        sequence=1,
        states=[{"state": make_state("Running")}],
        logs=[{"message": "ghost"}],
    )
    assert refused.code is Code.FENCED
    assert await api.state(run["id"]) == "Submitted"
    assert await api.rows("select 1 from log") == []


async def test_items_are_decided_one_by_one(api, make_state):
    """An illegal item and an unknown task are refused with their codes; the rest of the batch is stored."""
    run = await api.begun(await api.register())
    answer = await api.report(
        run,
        1,
        [
            {"state": make_state("Running")},
            {"slug": "no-such-task", "state": make_state("Running")},
            {"slug": "a-1", "state": make_state("Success")},
            {"slug": "a-1", "state": make_state("Running")},
            {"slug": "a-2", "state": {"type": "Nonsense"}},
        ],
    )
    codes = [r.get("code", "ok") for r in answer["results"]]
    assert codes == ["ok", Code.UNKNOWN_TASK, "ok", Code.ILLEGAL_TRANSITION, Code.BAD_STATE]


async def test_two_agents_take_each_run_once(api):
    """Twenty runs and two agents that claim at the same time: each run goes to exactly one."""
    flow = await api.register()
    results = await api.call("create_flow_runs", "results", runs=[{"flow_id": flow} for _ in range(20)])
    ids = {r["id"] for r in results["results"]}
    a, b = await api.agent(name="a"), await api.agent(name="b")
    taken: list[str] = []
    while len(taken) < 20:
        answers = await asyncio.gather(*(api.claim(x, limit=3) for x in (a, b, a, b)))
        taken += [r["id"] for answer in answers for r in answer["runs"]]
    assert len(taken) == 20
    assert set(taken) == ids


async def test_labels_and_run_config_types_are_matched_before_the_limit(api):
    """Older runs of other labels or types never hide a run that an agent can take; unlabelled runs go to unlabelled agents."""
    flow = await api.register()
    for _ in range(5):
        await api.create(flow, labels=["gpu"])
        await api.create(flow, run_config={"type": "DockerRun"})
    plain = await api.create(flow)
    labelled = await api.create(flow, labels=["linux"])
    unlabelled = await api.agent()
    linux = await api.agent(labels=["linux", "big"], name="linux")
    assert [r["id"] for r in (await api.claim(linux, limit=1))["runs"]] == [str(labelled)]
    assert [r["id"] for r in (await api.claim(unlabelled, limit=1))["runs"]] == [str(plain)]


async def test_a_claim_says_when_the_next_run_is_due(api):
    """next_due is the time of the earliest run that this agent could take and that is not due yet."""
    flow = await api.register()
    await api.create(flow, scheduled_start_time="2999-01-01T00:00:00+00:00")
    answer = await api.claim(await api.agent())
    assert answer["runs"] == []
    assert answer["next_due"].startswith("2999-01-01")


async def test_an_idempotency_key_gives_one_run(api):
    """The same key twice, and twice in one bulk call, is one run."""
    flow = await api.register()
    first = await api.create(flow, idempotency_key="k")
    assert await api.create(flow, idempotency_key="k") == first
    bulk = await api.call("create_flow_runs", "results", runs=[{"flow_id": flow, "idempotency_key": k} for k in ("x", "x", "k")])
    ids = [r["id"] for r in bulk["results"]]
    assert ids[0] == ids[1]
    assert ids[2] == str(first)
    assert [r["created"] for r in bulk["results"]] == [True, False, False]


async def test_bad_requests_for_runs_name_what_is_wrong(api):
    """Unknown flows and parameters, missing and misshapen parameters each have their code; a bulk call keeps its good items."""
    flow = await api.register(parameters=[{"name": "year", "required": True}, {"name": "zone", "required": False, "default": "UTC"}])
    assert (await api.refused("create_flow_run", "id", flow_id=uuid4())).code is Code.NOT_FOUND
    assert (await api.refused("create_flow_run", "id", flow_id=flow)).code is Code.MISSING_PARAMETER
    assert (await api.refused("create_flow_run", "id", flow_id=flow, parameters={"yaer": 1})).code is Code.UNKNOWN_PARAMETER
    assert (await api.refused("create_flow_run", "id", flow_id=flow, parameters=[1])).code is Code.BAD_PARAMETERS
    bulk = await api.call("create_flow_runs", "results", runs=[{"flow_id": flow}, {"flow_id": flow, "parameters": {"year": 2000}}])
    assert bulk["results"][0]["code"] == Code.MISSING_PARAMETER
    assert bulk["results"][1]["created"] is True
    (row,) = await api.rows("select parameters from flow_run")
    assert row["parameters"] == {"year": 2000, "zone": "UTC"}


async def test_task_runs_of_new_runs_have_ids_that_sort_by_time_and_task(api):
    """Their ids are UUIDv7 of the run's millisecond, in the order of the tasks, and no two are alike, in one batch of several flows too."""
    flows = [await api.register("canal", tasks=5), await api.register("lock", tasks=3)]
    wanted = [{"flow_id": flow} for flow in flows * 40]
    made = (await api.call("create_flow_runs", "results", runs=wanted))["results"]
    rows = await api.rows("select id, flow_run_id, task_id from task_run order by id")
    assert len({r["id"] for r in rows}) == len(rows) == 40 * (5 + 3)
    by_run: dict[UUID, list] = {UUID(m["id"]): [] for m in made}
    for row in rows:
        by_run[row["flow_run_id"]].append(row)
    for run_id, own in by_run.items():
        assert [r["task_id"] for r in own] == sorted(r["task_id"] for r in own)
        assert {(r["id"].version, r["id"].variant, uuid7_time(r["id"])) for r in own} == {(7, RFC_4122, uuid7_time(run_id))}
