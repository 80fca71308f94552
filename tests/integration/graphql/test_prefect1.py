"""The surface that prefect==1.4.1 uses, called in its order and with its words."""

from __future__ import annotations

import base64
import gzip
import json
import random
from uuid import UUID, uuid4

import pytest

from towpath_proto.errors import Code, TowpathError
from towpath_proto.wire import encode
from towpath_service_kit.identity import HEADER, Role, sign

SECRET = "a-secret-of-the-tests-that-is-long-enough"
STATES = "states { id status message }"


def flow(name="boat", *, tasks=(), edges=(), **fields):
    """A serialised flow with its own shape."""
    return {
        "name": name,
        "type": "prefect.core.flow.Flow",
        "__version__": "1.4.1",
        "parameters": [],
        "tasks": [{"slug": s, "name": s, "max_retries": 0, "retry_delay": None, "trigger": {"fn": "all_successful"}} for s in tasks],
        "edges": [{"upstream_task": {"slug": a}, "downstream_task": {"slug": b}, "key": k, "mapped": m} for a, b, k, m in edges],
        **fields,
    }


async def project(api, name="river"):
    """A new project's id."""
    return (await api.call("create_project", "id", tenant_id=api.identity.tenant, name=name))["id"]


async def set_flow(api, run_id, state, version=None):
    """set_flow_run_states with one item, as the client sends it."""
    return (await api.call("set_flow_run_states", STATES, states=[{"flow_run_id": run_id, "version": version, "state": state}]))["states"][
        0
    ]


async def set_task(api, task_run_id, state, version=None):
    """set_task_run_states with one item, as the client sends it."""
    return (await api.call("set_task_run_states", STATES, states=[{"task_run_id": task_run_id, "version": version, "state": state}]))[
        "states"
    ][0]


async def running(api, make_state, **flow):
    """A run that its agent has submitted and its process has begun."""
    run_id = await api.create(await api.register1(**flow))
    await set_flow(api, run_id, make_state("Submitted"))
    await set_flow(api, run_id, make_state("Running"), version=2)
    return run_id


async def test_a_project_that_exists_is_told_in_the_clients_words(api):
    """The client looks for `'Uniqueness violation.'`, quotes included, in the text of the errors list."""
    await project(api)
    document = "mutation($i: create_project_input!) { create_project(input: $i) { id } }"
    headers = {HEADER: sign(api.identity, SECRET)}
    answer = await api.upstream.post("/graphql", encode(document, {"i": {"name": "river"}}), headers)
    assert "'Uniqueness violation.'" in str(json.loads(answer.body)["errors"])
    assert len(await api.rows("select 1 from project where name = 'river'")) == 1


async def test_register_in_steps(api):
    """create_flow without tasks, then tasks and edges in batches: each step may be repeated and doubles nothing."""
    given = {"serialized_flow": flow(), "project_id": await project(api), "set_schedule_active": False}
    flow_id = (await api.call("create_flow", "id", **given))["id"]
    whole = flow(tasks=["a", "b"], edges=[("a", "b", "x", False), ("a", "b", "y", True)])
    for _ in range(2):
        await api.call("register_tasks", flow_id=flow_id, serialized_tasks=whole["tasks"])
        await api.call("register_edges", flow_id=flow_id, serialized_edges=whole["edges"])
    await api.call("register_tasks", flow_id=flow_id, serialized_tasks=[])
    await api.call("register_edges", flow_id=flow_id, serialized_edges=[])
    assert [r["slug"] for r in await api.rows("select slug from task order by slug")] == ["a", "b"]
    assert [(r["key"], r["mapped"]) for r in await api.rows("select key, mapped from edge order by key")] == [("x", False), ("y", True)]
    assert (await api.rows("select mapped from task where slug = 'b'"))[0]["mapped"] is True
    (row,) = await api.rows("select serialized_flow -> 'tasks' as tasks, flow_group_id from flow")
    assert [t["slug"] for t in row["tasks"]] == ["a", "b"]
    assert (await api.call("set_schedule_active", flow_id=flow_id))["success"] is False
    unknown = flow(edges=[("a", "z", None, False)])["edges"]
    assert (await api.refused("register_edges", flow_id=flow_id, serialized_edges=unknown)).code is Code.UNKNOWN_TASK
    twice = flow(tasks=["c", "c"])["tasks"]
    assert (await api.refused("register_tasks", flow_id=flow_id, serialized_tasks=twice)).code is Code.DUPLICATE_SLUG


async def test_register_compressed_is_idempotent_by_its_key(api):
    """The same key gives the same flow; another key gives the next version and archives the first."""
    project_id = await project(api)

    async def register(key, text=None):
        packed = text or base64.b64encode(gzip.compress(json.dumps(flow(tasks=["a"])).encode())).decode()
        given = {"serialized_flow": packed, "project_id": project_id, "idempotency_key": key}
        return (await api.call("create_flow_from_compressed_string", "id", **given))["id"]

    first = await register("k")
    assert await register("k") == first
    second = await register("l")
    assert second != first
    rows = await api.rows("select id::text, version, archived from flow order by version")
    assert [(r["id"], r["version"], r["archived"]) for r in rows] == [(first, 1, True), (second, 2, False)]
    for broken in ("not base64!", base64.b64encode(b"no gzip").decode(), base64.b64encode(gzip.compress(b"{")).decode()):
        with pytest.raises(TowpathError) as caught:
            await register("m", broken)
        assert caught.value.code is Code.BAD_FLOW


BROKEN_FLOWS = [
    ({"name": ""}, Code.BAD_FLOW),
    ({"__version__": "0.5.0"}, Code.BAD_FLOW),
    ({"tasks": {"slug": "a"}}, Code.BAD_FLOW),
    ({"tasks": [{"name": "a"}]}, Code.BAD_FLOW),
    ({"tasks": [{"slug": "a", "tags": [1, "x"]}]}, Code.BAD_FLOW),
    ({"edges": [{"upstream_task": {"slug": ["a"]}, "downstream_task": {"slug": "a"}}]}, Code.BAD_FLOW),
    ({"edges": [{"upstream_task": {"slug": "a"}, "downstream_task": {"slug": "a"}}]}, Code.FLOW_CYCLE),
    ({"run_config": ["x"]}, Code.BAD_RUN_CONFIG),
    ({"run_config": {"labels": "gpu"}}, Code.BAD_RUN_CONFIG),
    ({"storage": "s3"}, Code.BAD_FLOW),
    ({"schedule": {"clocks": [{"type": "Sundial"}]}}, Code.BAD_SCHEDULE),
    ({"tasks": [{"slug": "a", "max_retries": 10**12}]}, Code.BAD_REQUEST),
    ({"tasks": [{"slug": random.Random(1).randbytes(4000).hex()}]}, Code.LIMIT_EXCEEDED),
]


async def test_a_flow_that_cannot_run_is_refused_whole(api):
    """A broken flow gets a code that says why, and leaves nothing behind."""
    project_id = await project(api)
    for broken, code in BROKEN_FLOWS:
        refused = await api.refused("create_flow", "id", serialized_flow={**flow(tasks=["a"]), **broken}, project_id=project_id)
        assert refused.code is code, broken
    assert await api.rows("select 1 from flow union all select 1 from flow_group union all select 1 from task") == []


async def test_the_queue_is_for_its_own_labels_flows_and_times(api):
    """get_runs_in_queue gives due runs of Prefect 1 flows for these labels, before the given time; native runs are not in it."""
    flow_id = await api.register1()
    plain, linux = await api.create(flow_id), await api.create(flow_id, labels=["linux"])
    later = await api.create(flow_id, scheduled_start_time="2999-01-01T00:00:00")
    await api.create(await api.register("native"))
    agent = await api.agent()

    async def queue(**given):
        return set((await api.call("get_runs_in_queue", "flow_run_ids", tenant_id=api.identity.tenant, **given))["flow_run_ids"])

    assert await queue() == {str(plain)}
    assert await queue(labels=["linux", "big"]) == {str(linux)}
    assert await queue(before="2999-01-02T00:00:00+00:00") == {str(plain), str(later)}
    assert await queue(labels=["other"]) == set()
    assert agent
    claimed = await api.claim(agent)
    assert str(plain) not in [r["id"] for r in claimed["runs"]]


async def test_only_one_agent_submits_a_run(api, make_state):
    """The second Submitted is refused in the words that make an agent give the run up silently."""
    run_id = await api.create(await api.register1())
    assert (await set_flow(api, run_id, make_state("Submitted")))["status"] == "SUCCESS"
    item = {"flow_run_id": run_id, "state": make_state("Submitted")}
    refused = await api.refused("set_flow_run_states", STATES, states=[item])
    assert refused.code is Code.ALREADY_CLAIMED
    assert "State update failed" in refused.message
    missing = await api.refused("set_flow_run_states", STATES, states=[{**item, "flow_run_id": uuid4()}])
    assert missing.code is Code.NOT_FOUND
    assert "State update failed" in missing.message
    (row,) = await api.rows("select phase, extract(epoch from lease_expires_at - now())::int as left from flow_run")
    assert row["phase"] == "launching"
    assert 80 <= row["left"] <= 90


async def test_a_prefect_client_does_not_begin_a_run_of_ours(api, make_state):
    """It could not load the code: Submitted and Running are refused in a sentence that says who can; a run of its own it begins."""
    document = f"mutation($i: set_flow_run_states_input!) {{ set_flow_run_states(input: $i) {{ {STATES} }} }}"
    headers = {HEADER: sign(api.identity, SECRET), "x-prefect-core-version": "1.4.1"}
    ours, theirs = await api.create(await api.register("native")), await api.create(await api.register1())
    for kind in ("Submitted", "Running"):
        for run_id, refused in ((ours, True), (theirs, False)):
            body = encode(document, {"i": {"states": [{"flow_run_id": str(run_id), "state": make_state(kind)}]}})
            answer = json.loads((await api.upstream.post("/graphql", body, headers)).body)
            assert bool(answer.get("errors")) is refused
            if refused:
                (error,) = answer["errors"]
                assert error["extensions"]["code"] == Code.NOT_OWNED
                assert error["message"].startswith("State update failed")
                assert "prefect 1.4.1 cannot load" in error["message"]
    assert (await api.state(ours), await api.state(theirs)) == ("Scheduled", "Running")


async def test_versions_are_enforced(api, make_state):
    """Running with the version that was read is taken once; with a version that is past it is a VERSION_LOCKING_ERROR."""
    run_id = await api.create(await api.register1())
    await set_flow(api, run_id, make_state("Submitted"))
    await set_flow(api, run_id, make_state("Running"), version=2)
    item = {"flow_run_id": run_id, "version": 2, "state": make_state("Running")}
    refused = await api.refused("set_flow_run_states", STATES, states=[item])
    assert refused.code is Code.VERSION_LOCKING_ERROR
    assert refused.detail["version"] == 3
    assert refused.detail["expected_version"] == 2


async def test_a_heartbeat_renews_the_lease(api, make_state):
    """A Prefect 1 run owns itself for 90 s from its last beat; a native run does not beat this way."""
    run_id = await running(api, make_state)
    await api.expire(run_id, 10)
    await api.call("update_flow_run_heartbeat", flow_run_id=run_id)
    (row,) = await api.rows("select extract(epoch from lease_expires_at - now())::int as left, heartbeat from flow_run")
    assert 80 <= row["left"] <= 90
    await api.call("cancel_flow_run", "state", flow_run_id=run_id)
    await api.expire(run_id, 10)
    await api.call("update_flow_run_heartbeat", flow_run_id=run_id)
    (row,) = await api.rows("select lease_expires_at < now() as over from flow_run")
    assert row["over"]  # the heart of a killed process may beat for ever; what is cancelled ends all the same
    native = await api.begun(await api.register())
    assert (await api.refused("update_flow_run_heartbeat", flow_run_id=native["id"])).code is Code.NOT_FOUND


async def test_the_path_of_a_task(api, make_state):
    """info, Running, Failed, Retrying, info, Running, Success, Cached: as the client posts it, with attempts counted."""
    run_id = await running(api, make_state, retries=1)
    task_id = (await api.tasks_of(run_id))["a-1"]["task_id"]
    fields = "id version state serialized_state"
    info = await api.call("get_or_create_task_run_info", fields, flow_run_id=run_id, task_id=task_id, map_index=None)
    assert (info["version"], info["state"]) == (0, "Pending")
    task_run = info["id"]
    await set_task(api, task_run, make_state("Running"), version=0)
    for kind in ("Failed", "Retrying"):
        await set_task(api, task_run, make_state(kind, run_count=1))
    info = await api.call("get_or_create_task_run_info", fields, flow_run_id=run_id, task_id=task_id)
    assert (info["id"], info["version"], info["state"]) == (task_run, 3, "Retrying")
    await set_task(api, task_run, make_state("Running"), version=3)
    done = make_state("Success", cached_inputs={})
    for state in (done, done, make_state("Cached")):
        await set_task(api, task_run, state)
    (row,) = await api.rows("select state, attempt, version from task_run where id = %s", task_run)
    assert row == {"state": "Cached", "attempt": 2, "version": 6}
    late = await api.refused("set_task_run_states", STATES, states=[{"task_run_id": task_run, "state": make_state("Running")}])
    assert late.code is Code.ILLEGAL_TRANSITION


async def test_the_retries_of_a_flow_are_enforced(api, make_state):
    """A second Retrying of a task with one retry is refused."""
    run_id = await running(api, make_state, retries=1)
    task_run = (await api.tasks_of(run_id))["a-1"]["id"]
    for kind in ("Running", "Failed", "Retrying", "Running", "Failed"):
        await set_task(api, task_run, make_state(kind))
    refused = await api.refused("set_task_run_states", STATES, states=[{"task_run_id": task_run, "state": make_state("Retrying")}])
    assert refused.code is Code.ILLEGAL_TRANSITION
    assert "1 retries" in refused.message


async def test_a_replayed_end_is_accepted_with_kept_inputs_too(api, make_state):
    """A final state that arrives twice is one state, also when inputs of an earlier state were kept with it."""
    run_id = await running(api, make_state)
    task_run = (await api.tasks_of(run_id))["a-1"]["id"]
    await set_task(api, task_run, make_state("Running", cached_inputs={"x": {"type": "NoResultType"}}))
    for _ in range(2):
        await set_task(api, task_run, make_state("Success"))
    (row,) = await api.rows("select version, serialized_state -> 'cached_inputs' as kept from task_run where id = %s", task_run)
    assert row == {"version": 2, "kept": {"x": {"type": "NoResultType"}}}


async def test_mapped_children_are_made_on_demand(api, make_state):
    """A child's task run is made by the first look, once; map_index below -1 is refused."""
    run_id = await running(api, make_state)
    task_id = (await api.tasks_of(run_id))["a-1"]["task_id"]
    given = {"flow_run_id": run_id, "task_id": task_id}
    ids = {(await api.call("get_or_create_task_run", "id", **given, map_index=i))["id"] for i in (0, 1, 0, 1)}
    assert len(ids) == 2
    assert (await api.refused("get_or_create_task_run", "id", **given, map_index=-2)).code is Code.BAD_REQUEST
    assert (await api.refused("get_or_create_task_run", "id", flow_run_id=run_id, task_id=uuid4())).code is Code.NOT_FOUND
    for i, kind in enumerate(("Success", "Failed")):
        await set_task(api, sorted(ids)[i], make_state(kind))
    document = "query($i: UUID!) { mapped_children(task_run_id: $i) { max_end_time state_counts } }"
    children = (await api(document, i=next(iter(ids))))["mapped_children"]
    assert children["state_counts"] == {"Success": 1, "Failed": 1}


async def test_no_task_starts_unless_its_flow_run_runs(api, make_state):
    """Running is refused for a task of a run that is being cancelled."""
    run_id = await running(api, make_state)
    assert (await api.call("cancel_flow_run", "state", flow_run_id=run_id))["state"] == "Cancelling"
    task_run = (await api.tasks_of(run_id))["a-1"]["id"]
    refused = await api.refused("set_task_run_states", STATES, states=[{"task_run_id": task_run, "state": make_state("Running")}])
    assert refused.code is Code.FLOW_RUN_NOT_RUNNING
    assert "State update failed" in refused.message
    await set_flow(api, run_id, make_state("Cancelled"))
    assert {t["state"] for t in (await api.tasks_of(run_id)).values()} == {"Cancelled"}


async def test_logs(api, make_state):
    """Rows are stored with their level and time, a single object counts as a list, rows of unknown runs are left out."""
    run_id = await running(api, make_state)
    task_run = (await api.tasks_of(run_id))["a-1"]["id"]
    line = {"flow_run_id": run_id, "message": "one\x00two", "level": "WARNING", "timestamp": "2026-01-01T00:00:00", "info": {"a": 1}}
    await api.call("write_run_logs", logs=line)
    await api.call("write_run_logs", logs=[{"flow_run_id": uuid4(), "message": "ghost"}, {"flow_run_id": run_id, "task_run_id": task_run}])
    rows = await api.rows("select message, level, timestamp::text, info, task_run_id from log order by id")
    assert rows[0] == {
        "message": "one\ufffdtwo", "level": "WARNING", "timestamp": "2026-01-01 00:00:00+00", "info": {"a": 1}, "task_run_id": None,
    }  # fmt: skip
    assert (rows[1]["level"], rows[1]["task_run_id"]) == ("INFO", task_run)
    assert len(rows) == 2


async def test_levels_that_a_program_made_for_itself_lose_no_line(api, make_state):
    """A level outside the five counts as the nearest of them, in a variable as in the document; the batch is stored whole."""
    run_id = await running(api, make_state)
    await api.call("write_run_logs", logs=[{"flow_run_id": run_id, "level": x} for x in ("NOTICE", "Level 45", "warn", None, "DEBUG")])
    given = ", ".join(f'{{flow_run_id: "{run_id}", level: {x}}}' for x in ("CRITICAL", '"ERROR"', "TRACE"))
    await api(f"mutation {{ write_run_logs(input: {{logs: [{given}]}}) {{ success }} }}")
    levels = [r["level"] for r in await api.rows("select level from log order by id")]
    assert levels == ["INFO", "ERROR", "WARNING", "INFO", "DEBUG", "CRITICAL", "ERROR", "DEBUG"]


async def test_a_line_cannot_be_hung_on_another_runs_task(api, make_state):
    """A log line that names a task run of another flow run stays a line of its own flow run."""
    mine, other = await running(api, make_state), await running(api, make_state, name="other")
    theirs = (await api.tasks_of(other))["a-1"]["id"]
    await api.call("write_run_logs", logs=[{"flow_run_id": mine, "task_run_id": theirs, "message": "mine"}])
    assert await api.rows("select flow_run_id, task_run_id from log") == [{"flow_run_id": mine, "task_run_id": None}]


async def test_agents_register_once(api):
    """The same agent gets the same id; a header with the id of nobody's agent changes nothing."""
    assert await api.agent(["b", "a"]) == await api.agent(["a", "b", "a"])
    assert await api.agent(["a"]) != await api.agent(["b"])


async def test_an_agents_header_is_noted_on_the_run_it_submits(api, make_state):
    """The run points to the agent that submitted it; an unknown agent id is ignored, not an error."""
    agent, run_id = await api.agent(), await api.create(await api.register1())
    document = f"mutation($i: set_flow_run_states_input!) {{ set_flow_run_states(input: $i) {{ {STATES} }} }}"
    variables = {"i": {"states": [{"flow_run_id": run_id, "state": make_state("Submitted")}]}}
    for agent_id in (agent, uuid4()):
        headers = {HEADER: sign(api.identity, SECRET), "x-prefect-agent-id": str(agent_id)}
        answer = await api.upstream.post("/graphql", encode(document, variables), headers)
        assert b"INTERNAL" not in answer.body
        variables = {"i": {"states": [{"flow_run_id": run_id, "state": make_state("Running")}]}}
    assert await api.rows("select agent_id, state from flow_run") == [{"agent_id": agent, "state": "Running"}]


async def test_a_task_can_be_named(api, make_state):
    """Names of flow runs and task runs can be changed; a name with U+0000 is refused with a sentence."""
    run_id = await running(api, make_state)
    task_run = (await api.tasks_of(run_id))["a-1"]["id"]
    await api.call("set_task_run_name", task_run_id=task_run, name="unload barge 7")
    await api.call("set_flow_run_name", flow_run_id=run_id, name="morning trip")
    assert (await api.tasks_of(run_id))["a-1"]["name"] == "unload barge 7"
    refused = await api.refused("set_flow_run_name", flow_run_id=run_id, name="a\x00b")
    assert refused.code is Code.BAD_REQUEST
    assert "None" not in refused.message


async def test_an_agents_key_is_enough_for_all_of_it(api, make_state):
    """With the role agent the whole path of a run can be walked; a viewer cannot write a line."""
    flow_id = await api.register1()
    run_id = await api.create(flow_id)
    agent = api.as_(Role.AGENT)
    await agent.agent()
    assert (await agent.call("get_runs_in_queue", "flow_run_ids"))["flow_run_ids"] == [str(run_id)]
    await set_flow(agent, run_id, make_state("Submitted"))
    await set_flow(agent, run_id, make_state("Running"))
    await set_flow(agent, run_id, make_state("Success"))
    assert await api.state(run_id) == "Success"
    viewer = api.as_(Role.VIEWER)
    assert (await viewer.refused("write_run_logs", logs=[{"flow_run_id": UUID(int=0)}])).code is Code.FORBIDDEN
