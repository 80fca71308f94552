"""Many writers at the same time: each run has one owner, each state one version, each report counts once."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import psycopg
import pytest

from towpath_graphql.main import Config, build
from towpath_proto.errors import Code, TowpathError
from towpath_proto.ids import uuid7
from towpath_service_kit.identity import Role
from towpath_service_kit.settings import Secret
from towpath_service_kit.testing import MemoryBus
from towpath_service_kit.upstream import AsgiUpstream

SECRET = "a-secret-of-the-tests-that-is-long-enough"


async def test_eight_claimers_share_a_hundred_runs(api):
    """Eight agents empty a queue of a hundred runs: each run is taken once, and nobody goes away empty while there are runs."""
    flow = await api.register(tasks=1)
    await api.call("create_flow_runs", "results", runs=[{"flow_id": flow}] * 100)
    agents = [await api.agent(name=f"agent {i}") for i in range(8)]
    empty = 0

    async def work(agent):
        nonlocal empty
        taken = []
        while True:
            runs = (await api.claim(agent, limit=5))["runs"]
            if not runs:
                empty += 1
                return taken
            taken += [(r["id"], r["fence"]) for r in runs]

    shares = await asyncio.gather(*map(work, agents))
    taken = [x for share in shares for x in share]
    assert len(taken) == 100
    assert len(set(taken)) == 100
    assert {fence for _, fence in taken} == {1}
    assert empty == 8


async def test_a_locked_run_does_not_hide_the_next_one(api):
    """A run that somebody else has locked at this moment is stepped over: a claim for one run gets the next one."""
    flow = await api.register()
    first, second = await api.create(flow), await api.create(flow)
    await api.rows("update flow_run set due_at = now() - interval '1 minute' where id = %s returning 1", first)
    agent = await api.agent()
    async with await psycopg.AsyncConnection.connect(api.dsn) as other:
        await other.execute("select 1 from flow_run where id = %s for update", (first,))
        assert [r["id"] for r in (await api.claim(agent, limit=1))["runs"]] == [str(second)]
    assert [r["id"] for r in (await api.claim(agent, limit=1))["runs"]] == [str(first)]


async def test_engine_and_supervisor_report_at_the_same_time(api, make_state):
    """The engine's end and the supervisor's crash report meet: whichever comes first decides, and the run is whole either way."""
    flow = await api.register()
    for _ in range(5):
        run = await api.begun(flow)
        await api.report(run, 1, [{"state": make_state("Running")}, {"slug": "a-1", "state": make_state("Running")}])
        ends = [{"slug": "a-1", "state": make_state("Success")}, {"state": make_state("Success")}]
        engine, supervisor = await asyncio.gather(
            api.report(run, 2, ends),
            api.report(run, 1, [{"state": make_state("Failed")}], reporter="supervisor"),
            return_exceptions=True,
        )
        assert not isinstance(supervisor, Exception)
        if isinstance(engine, TowpathError):
            assert engine.code is Code.FENCED
            assert await api.state(run["id"]) == "Scheduled"
            await api.call("delete_flow_run", flow_run_id=run["id"])
        else:
            assert await api.state(run["id"]) == "Success"


async def test_the_same_report_at_the_same_time_counts_once(api, make_state):
    """Four copies of one batch: one is taken, the others are replays."""
    run = await api.begun(await api.register())
    states = [{"state": make_state("Running")}, {"slug": "a-1", "map_index": 0, "state": make_state("Running")}]
    answers = await asyncio.gather(*(api.report(run, 1, states, logs=[{"message": "once"}]) for _ in range(4)))
    assert sorted(a["replayed"] for a in answers) == [False, True, True, True]
    assert len(await api.rows("select 1 from log")) == 1
    assert len(await api.rows("select 1 from flow_run_state where state = 'Running'")) == 1


async def test_rivals_with_one_version_are_told_apart(api, make_state):
    """Two processes that both say Running with the version they saw: one runs, the other learns VERSION_LOCKING_ERROR."""
    run_id = await api.create(await api.register1())
    document = "mutation($i: set_flow_run_states_input!) { set_flow_run_states(input: $i) { states { id } } }"
    item = {"flow_run_id": run_id, "version": 1, "state": make_state("Running")}
    answers = await asyncio.gather(*(api(document, i={"states": [item]}) for _ in range(4)), return_exceptions=True)
    codes = [a.code for a in answers if isinstance(a, TowpathError)]
    assert codes == [Code.VERSION_LOCKING_ERROR] * 3


async def test_of_rival_agents_one_claims_whatever_replica_they_ask(api, make_state):
    """Ten agents of Prefect 1 on two replicas, with the version that they read: one has the run, the others give up quietly."""
    other = build(Config(Secret(api.dsn), Secret(SECRET)), bus=MemoryBus())
    await other.start()
    try:
        await api.until_ready(other)
        second = replace(api, upstream=AsgiUpstream(other.app))
        agents = [replica.as_(Role.AGENT, actor=f"agent {n}") for n in range(5) for replica in (api, second)]
        run_id = await api.create(await api.register1())
        item = {"flow_run_id": run_id, "version": 1, "state": make_state("Submitted")}
        document = "mutation($i: set_flow_run_states_input!) { set_flow_run_states(input: $i) { states { status } } }"
        answers = await asyncio.gather(*(a(document, i={"states": [item]}) for a in agents), return_exceptions=True)
    finally:
        await other.stop()
    refused = [a for a in answers if isinstance(a, TowpathError)]
    assert len(refused) == 9
    assert {(a.code, "State update failed" in a.message) for a in refused} == {(Code.ALREADY_CLAIMED, True)}
    assert await api.rows("select version, fence, phase from flow_run") == [{"version": 2, "fence": 1, "phase": "launching"}]


async def test_crossed_batches_do_not_lock_each_other_up(api, make_state):
    """Batches that name the same runs in opposite orders, renewals among them, all end; nobody is refused for it."""
    flow = await api.register()
    runs = [await api.begun(flow) for _ in range(6)]
    states = [{"flow_run_id": r["id"], "state": make_state("Running")} for r in runs]
    tasks = [{"task_run_id": r["tasks"]["a-1"], "state": make_state("Scheduled")} for r in runs]
    leases = [{"flow_run_id": r["id"], "fence": r["fence"]} for r in runs]
    calls = []
    for order in (1, -1, 1, -1):
        calls.append(api.call("renew_leases", "results", leases=leases[::order]))
        calls.append(api.call("set_states", "results", states=(tasks + states)[::order]))
    for answer in await asyncio.gather(*calls):
        assert len(answer["results"]) in (6, 12)


async def test_a_key_is_created_once_by_all(api):
    """Eight requests with one idempotency key make one run and all get its id."""
    flow = await api.register()
    made = await asyncio.gather(*(api.create(flow, idempotency_key="k") for _ in range(8)))
    assert len(set(made)) == 1
    assert len(await api.rows("select 1 from flow_run")) == 1


async def test_a_mapped_child_is_made_once_by_all(api, make_state):
    """Requests for one child's task run at the same time make one row."""
    run = await api.begun(await api.register())
    task = (await api.tasks_of(run["id"]))["a-1"]["task_id"]
    given = {"flow_run_id": run["id"], "task_id": task, "map_index": 3}
    made = await asyncio.gather(*(api.call("get_or_create_task_run", "id", **given) for _ in range(6)))
    assert len({m["id"] for m in made}) == 1


CANCEL = """
with run as (
    update flow_run set state = 'Cancelling', version = version + 1 where id = %(run)s
    returning tenant_id, id, state, version, attempt, serialized_state
)
insert into flow_run_state (id, tenant_id, flow_run_id, timestamp, state, version, attempt, serialized_state)
select %(id)s, tenant_id, id, now(), state, version, attempt, serialized_state from run
"""
STATES = "mutation($i: set_task_run_states_input!) { set_task_run_states(input: $i) { states { status } } }"


async def _begun1(api, make_state):
    """A run of a Prefect 1 client that goes on, and what makes its two task runs run."""
    run_id = await api.create(await api.register1(tasks=2))
    for version, kind in ((1, "Submitted"), (2, "Running")):
        item = {"flow_run_id": run_id, "version": version, "state": make_state(kind)}
        await api.call("set_flow_run_states", "states { id }", states=[item])
    ids = [task["id"] for task in (await api.tasks_of(run_id)).values()]
    return run_id, {"states": [{"task_run_id": i, "version": 0, "state": make_state("Running")} for i in ids]}


async def test_a_flow_run_that_moves_between_the_look_and_the_write(api, make_state):
    """What was decided on a look without locks is not stored when the flow run has moved meanwhile: it is decided anew."""
    run_id, wanted = await _begun1(api, make_state)
    async with await psycopg.AsyncConnection.connect(api.dsn) as other:
        await other.execute(CANCEL, {"run": run_id, "id": uuid7()})
        call = asyncio.create_task(api(STATES, i=wanted))
        await _somebody_waits(api)
        await other.commit()
    with pytest.raises(TowpathError) as refused:
        await call
    assert refused.value.code is Code.FLOW_RUN_NOT_RUNNING
    assert {task["version"] for task in (await api.tasks_of(run_id)).values()} == {0}
    assert await api.rows("select 1 from task_run_state where state = 'Running'") == []


async def test_a_task_run_that_moves_between_the_look_and_the_write(api, make_state):
    """Of two task runs one has moved meanwhile: the other one's state is stored, once, and the refusal names the one that has."""
    run_id, wanted = await _begun1(api, make_state)
    moved = wanted["states"][1]["task_run_id"]
    async with await psycopg.AsyncConnection.connect(api.dsn) as other:
        await other.execute("update task_run set version = version + 1 where id = %s", (moved,))
        call = asyncio.create_task(api(STATES, i=wanted))
        await _somebody_waits(api)
        await other.commit()
    with pytest.raises(TowpathError) as refused:
        await call
    assert (refused.value.code, refused.value.detail["run_id"]) == (Code.VERSION_LOCKING_ERROR, str(moved))
    stored = await api.rows("select task_run_id from task_run_state where state = 'Running'")
    assert [row["task_run_id"] for row in stored] == [wanted["states"][0]["task_run_id"]]
    assert [row["entity_id"] for row in await api.rows("select entity_id from outbox where type = 'task_run.states'")] in ([], [run_id])


async def test_a_lock_that_changes_nothing_is_waited_for(api, make_state):
    """A heartbeat or a name that is written meanwhile is no reason to decide anew."""
    run_id, wanted = await _begun1(api, make_state)
    async with await psycopg.AsyncConnection.connect(api.dsn) as other:
        await other.execute("update flow_run set heartbeat = now() where id = %s", (run_id,))
        await other.execute("update task_run set name = 'x' where id = %s", (wanted["states"][0]["task_run_id"],))
        call = asyncio.create_task(api(STATES, i=wanted))
        await _somebody_waits(api)
        await other.commit()
    assert [s["status"] for s in (await call)["set_task_run_states"]["states"]] == ["SUCCESS"] * 2
    assert {(task["version"], task["state"]) for task in (await api.tasks_of(run_id)).values()} == {(1, "Running")}


async def _somebody_waits(api):
    """Return once somebody waits for a lock in this database."""
    waiting = "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    async with asyncio.timeout(30):
        while not await api.rows(waiting):  # noqa: ASYNC110 - PostgreSQL tells nobody of it
            await asyncio.sleep(0.005)
