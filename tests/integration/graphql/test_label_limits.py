"""Limits on labels, and limits of both kinds under many clients at once: never more than the limit, and everybody's turn comes."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from uuid import UUID

import jsonschema
import pytest

from tests.integration.graphql.limiting import label_limit, running1, set_flow, set_task, slots, tag_limit
from towpath_graphql.main import Config, build
from towpath_proto import subjects
from towpath_proto.errors import Code
from towpath_service_kit.identity import Role
from towpath_service_kit.settings import Secret
from towpath_service_kit.testing import MemoryBus
from towpath_service_kit.upstream import AsgiUpstream


async def test_claims_keep_to_limits_on_labels(api):
    """No more runs than slots are claimed; what may not begin hides nothing behind it and is not announced as due."""
    await label_limit(api, 2)
    big, small = await api.register("big"), await api.register("small")
    for _ in range(5):
        await api.create(big, labels=["big"])
    await api.create(small, labels=["small"])
    agent = await api.agent(["big", "small"])
    claimed = (await api.claim(agent, limit=3))["runs"]
    assert sorted(r["flow_name"] for r in claimed) == ["big", "big", "small"]
    again = await api.claim(agent)
    assert (again["runs"], again["next_due"]) == ([], None)
    assert (await api.claim(agent, limit=0, children_of=[r["id"] for r in claimed]))["runs"] == []
    (one,) = [r for r in claimed if r["flow_name"] == "big"][:1]
    await api.call("release_run", flow_run_id=one["id"], fence=one["fence"], reason="no room")
    assert [r["flow_name"] for r in (await api.claim(agent))["runs"]] == ["big"]
    assert (await slots(api))[0] == 2


async def test_a_freed_slot_is_told_to_agents(api):
    """When a run ends, agents hear of the next due run under its label; raising or lifting a limit tells them too."""
    limit = await label_limit(api, 1)
    flow = await api.register()
    first, second, third = [await api.create(flow, labels=["big"]) for _ in range(3)]
    agent = await api.agent(["big"])
    (claimed,) = (await api.claim(agent))["runs"]
    assert claimed["id"] == str(first)

    async def told(count):
        """The runs of which agents are told from now on, so many of them."""
        async with asyncio.timeout(10):
            while True:
                found = [json.loads(m.payload) for m in api.bus.published[before:] if m.subject.endswith(".offered")]
                if len(found) >= count:
                    break
                await asyncio.sleep(0.005)
        schema = subjects.schema("flow_run.offered")
        for body in found:
            jsonschema.validate(body["data"], schema, format_checker=jsonschema.FormatChecker())
        return [body["data"]["flow_run_id"] for body in found]

    before = 0
    await told(3)
    before = len(api.bus.published)
    await api.report({"id": first, "fence": claimed["fence"]}, 1, [{"state": {"type": "Failed"}}])
    assert await told(1) == [str(second)]
    (claimed,) = (await api.claim(agent))["runs"]
    before = len(api.bus.published)
    await label_limit(api, 2)
    assert await told(1) == [str(third)]
    before = len(api.bus.published)
    await api.call("delete_flow_concurrency_limit", limit_id=limit)
    assert await told(1) == [str(third)]


async def test_prefect_1s_queue_keeps_to_limits_on_labels(api):
    """Only as many runs as may begin are handed out; Submitted and Running take the slot once; a rival is refused in its words."""
    await label_limit(api, 1)
    flow = await api.register1()
    first, second = await api.create(flow, labels=["big"]), await api.create(flow, labels=["big"])

    async def queue():
        return (await api.call("get_runs_in_queue", "flow_run_ids", labels=["big"]))["flow_run_ids"]

    assert await queue() == [str(first)]
    assert await set_flow(api, first, "Submitted") == "SUCCESS"
    assert await queue() == []
    refused = await api.refused("set_flow_run_states", "states { id }", states=[{"flow_run_id": second, "state": {"type": "Submitted"}}])
    assert (refused.code, "State update failed" in refused.message, "'big' (1)" in refused.message) == (Code.NO_FREE_SLOT, True, True)
    assert await set_flow(api, first, "Running") == "SUCCESS"
    assert await slots(api) == (1, 0)
    assert await set_flow(api, first, "Success") == "SUCCESS"
    assert await queue() == [str(second)]
    assert await slots(api) == (0, 0)


async def test_a_prefect_1_process_waits_for_its_label(api):
    """A process that runs a flow by itself is QUEUED, keeps its run while it asks again, and is reaped when it stops asking."""
    await label_limit(api, 1)
    flow = await api.register1()
    first, second, third = [await api.create(flow, labels=["big"]) for _ in range(3)]
    assert await set_flow(api, first, "Running") == "SUCCESS"
    assert await set_flow(api, second, "Running", 1) == "QUEUED"
    assert await set_flow(api, second, "Running", 2) == "QUEUED"
    assert await set_flow(api, third, "Running", 1) == "QUEUED"
    (row,) = await api.rows("select state, version, phase, due_at, lease_seconds from flow_run where id = %s", second)
    assert tuple(row.values()) == ("Queued", 2, "running", None, 90.0)
    await api.expire(second)
    await api.open_gate()
    (fence,) = await api.rows("select fence from flow_run where id = %s", second)
    await api.as_(Role.SERVICE, tenant=None).call("reap_flow_runs", "results", runs=[{"flow_run_id": second, **fence}])
    assert await api.state(second) == "Scheduled"
    assert await set_flow(api, first, "Success") == "SUCCESS"
    assert await set_flow(api, third, "Running", 2) == "SUCCESS"
    assert await slots(api) == (1, 0)


async def test_a_limit_on_a_label_counts_what_is_owned_already(api):
    """Runs that are owned when a limit is made hold its slots, however many they are."""
    flow = await api.register()
    for _ in range(3):
        await api.create(flow, labels=["big"])
    agent = await api.agent(["big"])
    claimed = (await api.claim(agent, limit=2))["runs"]
    assert len(claimed) == 2
    await label_limit(api, 1)
    assert await slots(api) == (2, 0)
    assert (await api.claim(agent))["runs"] == []
    begun = await api.call("begin_run", "lease", flow_run_id=claimed[0]["id"], fence=claimed[0]["fence"], holder="p")
    assert begun["lease"]
    run = {"id": UUID(claimed[0]["id"]), "fence": claimed[0]["fence"]}
    await api.report(run, 1, [{"state": {"type": "Running"}}, {"state": {"type": "Success"}}])
    assert await slots(api) == (1, 0)


# ------------------------------------------------------------------------------------------------------------------------ concurrency


@pytest.fixture
async def two(api):
    """The API through two services on one database."""
    service = build(Config(Secret(api.dsn), Secret("a-secret-of-the-tests-that-is-long-enough")), bus=MemoryBus())
    await service.start()
    await api.until_ready(service)
    yield api, replace(api, upstream=AsgiUpstream(service.app))
    await service.stop()


async def test_never_more_tasks_than_slots_run_at_once(two):
    """Forty task runs under a limit of three, by ten clients through two services: never four at once, and everybody's turn comes."""
    api = two[0]
    await tag_limit(api, 3)
    tasks = [t for i in range(4) for t in (await running1(api, f"f{i}", 10))[1]]
    inside, most = 0, 0

    async def client(number):
        nonlocal inside, most
        for task in tasks[number::10]:
            mine = two[number % 2].as_(Role.OPERATOR, actor=f"client {number}")
            async with asyncio.timeout(60):
                while await set_task(mine, task, "Running") == "QUEUED":  # noqa: ASYNC110 - as Prefect 1's client does, without its 30 s
                    await asyncio.sleep(0)
            inside += 1
            most = max(most, inside)
            (row,) = await api.rows("select count(*) as n from task_run where state = 'Running'")
            assert row["n"] <= 3
            inside -= 1
            assert await set_task(mine, task, "Success") == "SUCCESS"

    async with asyncio.TaskGroup() as group:
        for number in range(10):
            group.create_task(client(number))
    assert 2 <= most <= 3
    assert await slots(api) == (0, 0)


async def test_never_more_runs_than_slots_are_claimed_at_once(two):
    """Thirty runs under a limit of two, claimed by six agents through two services: never three owned, and all of them run."""
    api = two[0]
    await label_limit(api, 2)
    flow = await api.register(tasks=1)
    for _ in range(30):
        await api.create(flow, labels=["big"])
    done = set()

    async def agent(number):
        mine = two[number % 2]
        me = await mine.agent(["big"], f"agent {number}")
        async with asyncio.timeout(60):
            while len(done) < 30:
                for run in (await mine.claim(me, limit=3))["runs"]:
                    (row,) = await api.rows("select count(*) as n from flow_run where phase is not null")
                    assert row["n"] <= 2
                    owned = {"id": UUID(run["id"]), "fence": run["fence"]}
                    await mine.call("begin_run", "lease", flow_run_id=run["id"], fence=run["fence"], holder="p")
                    await mine.report(owned, 1, [{"state": {"type": "Running"}}, {"state": {"type": "Success"}}])
                    assert run["id"] not in done
                    done.add(run["id"])

    async with asyncio.TaskGroup() as group:
        for number in range(6):
            group.create_task(agent(number))
    assert await slots(api) == (0, 0)
