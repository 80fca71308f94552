"""How far an identity reaches: no mutation touches another tenant, and a run's token touches its own run under its own fence only."""

from __future__ import annotations

import base64
import gzip
from uuid import UUID, uuid4

import pytest

from towpath_graphql.app.caller import PERMISSIONS
from towpath_graphql.resolvers.schema import MUTATIONS
from towpath_proto.errors import Code, TowpathError
from towpath_service_kit.identity import HEADER, Role, hash_api_key, sign

REFUSED = {Code.NOT_FOUND, Code.FORBIDDEN}
OWN_TENANT_ONLY = {
    "create_tenant",
    "add_signing_key",
    "set_secret",
    "delete_secret",
    "set_key_value",
    "update_task_tag_limit",
    "update_flow_concurrency_limit",
}
"""Mutations that name nothing which another tenant could own."""
STATE = {"type": "Cancelled", "message": "by a stranger"}
ARTIFACT = "01963f80-0000-7000-8000-000000000001"


def strange(x):
    """Each mutation with ids of another tenant: (input, the answer's fields)."""
    run, task_run = {"flow_run_id": x["run"]}, {"task_run_id": x["task_run"]}
    owned = {**run, "fence": x["fence"]}
    flow, ids = {"flow_id": x["flow"]}, "id"
    group = {"flow_group_id": x["flow_group"]}
    return {
        "create_project": ({"tenant_id": x["tenant"], "name": "p"}, ids),
        "delete_tenant": ({"tenant_id": x["tenant"], "confirm": True}, "success"),
        "update_tenant_name": ({"tenant_id": x["tenant"], "name": "n"}, ids),
        "update_tenant_slug": ({"tenant_id": x["tenant"], "slug": "s"}, ids),
        "update_tenant_settings": ({"tenant_id": x["tenant"], "settings": {"a": 1}}, ids),
        "set_project_name": ({"project_id": x["project"], "name": "n"}, ids),
        "set_project_description": ({"project_id": x["project"], "description": "d"}, ids),
        "create_agent_config": ({"tenant_id": x["tenant"], "settings": {}}, ids),
        "update_agent_config": ({"agent_config_id": x["agent_config"], "settings": {"a": 1}}, "success"),
        "delete_agent_config": ({"agent_config_id": x["agent_config"]}, "success"),
        "delete_project": ({"project_id": x["project"]}, "success"),
        "create_api_key": ({"tenant_id": x["tenant"], "name": "k"}, "id key"),
        "delete_api_key": ({"key_id": x["key"]}, "success"),
        "delete_task_tag_limit": ({"limit_id": x["tag_limit"]}, "success"),
        "delete_flow_concurrency_limit": ({"limit_id": x["label_limit"]}, "success"),
        "request_slots": ({**owned, "tasks": [{"slug": "a-1"}]}, "results"),
        "delete_key_value": ({"key_value_id": x["key_value"]}, "success"),
        "create_flow": ({"serialized_flow": {"name": "f", "tasks": []}, "project_id": x["project"]}, ids),
        "create_flow_from_compressed_string": ({"serialized_flow": x["packed"], "project_id": x["project"]}, ids),
        "register_tasks": ({**flow, "serialized_tasks": [{"slug": "new"}]}, "success"),
        "register_edges": ({**flow, "serialized_edges": []}, "success"),
        "register_flow": ({"project_name": "theirs", "serialized_flow": {"name": "f", "tasks": []}}, "flow_id"),
        "archive_flow": (flow, "success"),
        "delete_flow": (flow, "success"),
        "set_schedule_active": (flow, "success"),
        "set_schedule_inactive": (flow, "success"),
        "update_flow_project": ({**flow, "project_id": x["project"]}, ids),
        **{f"{a}_flow_{b}": (flow, "success") for a in ("enable", "disable") for b in ("heartbeat", "lazarus_process")},
        "delete_flow_group": (group, "success"),
        "set_flow_group_description": ({**group, "description": "d"}, "success"),
        "set_flow_group_labels": ({**group, "labels": ["l"]}, "success"),
        "set_flow_group_run_config": ({**group, "run_config": {"type": "LocalRun"}}, "success"),
        "set_flow_group_default_parameters": ({**group, "parameters": {"p": 1}}, "success"),
        "set_flow_group_schedule": ({**group, "interval_clocks": [{"interval": 60}]}, "success"),
        "delete_flow_group_schedule": (group, "success"),
        "create_flow_run": (flow, ids),
        "create_flow_runs": ({"runs": [flow, {"version_group_id": x["group"]}, {**flow, "parent_flow_run_id": x["run"]}]}, "results"),
        "set_flow_run_name": ({**run, "name": "n"}, "success"),
        "set_flow_run_labels": ({**run, "labels": ["l"]}, "success"),
        "set_task_run_name": ({**task_run, "name": "n"}, "success"),
        "create_task_run_artifact": ({**task_run, "kind": "link", "data": {"link": "http://x"}}, ids),
        "update_task_run_artifact": ({"task_run_artifact_id": x["artifact"], "data": {"link": "http://x"}}, "success"),
        "delete_task_run_artifact": ({"task_run_artifact_id": x["artifact"]}, "success"),
        "delete_flow_run": (run, "success"),
        "get_or_create_task_run": ({**run, "task_id": x["task"]}, ids),
        "get_or_create_task_run_info": ({**run, "task_id": x["task"]}, "id state"),
        "update_flow_run_heartbeat": (run, "success"),
        "update_task_run_heartbeat": (task_run, "success"),
        "get_runs_in_queue": ({"tenant_id": x["tenant"]}, "flow_run_ids"),
        "write_run_logs": ({"logs": [{**run, "message": "m"}]}, "success"),
        "set_flow_run_states": ({"states": [{**run, "state": STATE}]}, "states { id }"),
        "set_task_run_states": ({"states": [{**task_run, "state": STATE}]}, "states { id }"),
        "set_states": ({"states": [{**run, "state": STATE}, {**task_run, "state": STATE}]}, "results"),
        "cancel_flow_run": (run, "state"),
        "restart_flow_run": (run, "success"),
        "register_agent": ({"tenant_id": x["tenant"], "type": "LocalAgent"}, ids),
        "delete_agent": ({"agent_id": x["agent"]}, "success"),
        "claim_flow_runs": ({"agent_id": x["agent"], "run_config_types": ["UniversalRun"]}, "runs { id }"),
        "begin_run": ({**owned, "holder": "stranger"}, "lease"),
        "renew_leases": ({"leases": [owned]}, "results"),
        "report_run": ({**owned, "reporter": "engine", "sequence": 1, "states": [{"state": STATE}]}, "results"),
        "release_run": ({**owned, "reason": "r"}, "success"),
        "create_cloud_hook": ({"tenant_id": x["tenant"], "type": "PREFECT_MESSAGE", "states": ["FAILED"]}, ids),
        "delete_cloud_hook": ({"cloud_hook_id": x["hook"]}, "success"),
        "set_cloud_hook_active": ({"cloud_hook_id": x["hook"]}, "success"),
        "set_cloud_hook_inactive": ({"cloud_hook_id": x["hook"]}, "success"),
        "test_cloud_hook": ({"cloud_hook_id": x["hook"]}, "success"),
        "mark_message_as_read": ({"message_id": x["message"]}, "success"),
        "mark_message_as_unread": ({"message_id": x["message"]}, "success"),
        "delete_message": ({"message_id": x["message"]}, "success"),
        "schedule_flow_runs": ({"runs": [{**flow, "clock": "c", "fire_time": "2999-01-01T00:00:00Z"}]}, "results"),
        "reap_flow_runs": ({"runs": [owned]}, "results"),
        "reoffer_flow_runs": ({"flow_run_ids": [x["run"]]}, "results"),
    }


def test_every_mutation_has_a_case():
    """A mutation that is added to the SDL must be added here, too."""
    names = "tenant project flow group flow_group task run fence task_run agent agent_config"
    names += " hook message artifact key packed key_value tag_limit label_limit"
    example = dict.fromkeys(names.split())
    assert set(strange(example)) | OWN_TENANT_ONLY == set(MUTATIONS)
    assert not set(strange(example)) & OWN_TENANT_ONLY


async def everything(api, tenant):
    """All rows of a tenant, to see whether anything changed."""
    tables = await api.rows(
        "select table_name as name from information_schema.columns where column_name = 'tenant_id' and table_schema = 'public'"
        " and table_name not in ('outbox', 'audit') and table_name !~ '_\\d{8}$' order by 1"
    )
    assert len(tables) > 15
    return {
        t["name"]: await api.rows(f"select to_jsonb(t) as row from {t['name']} t where tenant_id = %s order by 1", tenant) for t in tables
    }


@pytest.fixture
async def theirs(api, make_state):
    """Another tenant with one of everything: an owned run that has begun, and a due one."""
    document = "mutation($i: create_tenant_input!) { create_tenant(input: $i) { id } }"
    tenant = UUID((await api(document, i={"name": "Others", "slug": "others"}))["create_tenant"]["id"])
    other = api.as_(Role.ADMIN, tenant=tenant)
    project = (await other.call("create_project", "id", name="theirs"))["id"]
    key = await other.call("create_api_key", "id key", name="theirs")
    run = await other.begun(await other.register(tasks=1))
    await other.create(flow_id := (await other.rows("select flow_id from flow_run"))[0]["flow_id"])
    (flow,) = await other.rows("select version_group_id, flow_group_id, id from flow where id = %s", flow_id)
    task = (await other.tasks_of(run["id"]))["a-1"]
    hook = await other.call("create_cloud_hook", "id", tenant_id=tenant, type="PREFECT_MESSAGE", states=["FAILED"])
    await other.call("test_cloud_hook", cloud_hook_id=hook["id"])
    artifact = await other.call("create_task_run_artifact", "id", task_run_id=task["id"], kind="link", data={"link": "http://theirs"})
    return {
        "artifact": artifact["id"],
        "hook": hook["id"], "message": (await other.rows("select id from message"))[0]["id"],
        "api": other, "tenant": tenant, "project": project, "key": key["id"], "run": run["id"], "fence": run["fence"], "flow": flow["id"],
        "group": flow["version_group_id"], "flow_group": flow["flow_group_id"], "task": task["task_id"], "task_run": task["id"],
        "agent": await other.agent(), "agent_config": (await other.call("create_agent_config", "id", name="theirs"))["id"],
        "tag_limit": (await other.call("update_task_tag_limit", "id", tag="db", limit=1))["id"],
        "label_limit": (await other.call("update_flow_concurrency_limit", "id", label="big", limit=1))["id"],
        "key_value": (await other.call("set_key_value", "id", key="theirs", value=1))["id"],
        "packed": base64.b64encode(gzip.compress(b'{"name": "f"}')).decode(),
    }  # fmt: skip


async def test_no_mutation_touches_another_tenant(api, theirs):
    """Each mutation, called by an admin with another tenant's ids, answers NOT_FOUND or FORBIDDEN and changes none of its rows."""
    await api.open_gate()
    before = await everything(api, theirs["tenant"])
    for name, (given, fields) in strange(theirs).items():
        try:
            answer = await api.call(name, fields, **given)
        except TowpathError as e:
            assert e.code in REFUSED, (name, e.code, e.message)  # noqa: PT017 - some answer per item instead
            continue
        items = answer.get("results")
        if name == "write_run_logs":  # rows of runs that do not exist are left out, as on Prefect Server
            assert answer == {"success": True}
        else:
            assert items, (name, answer)
            assert {i.get("code") or i["status"] for i in items} <= REFUSED, (name, items)
    assert await everything(api, theirs["tenant"]) == before


async def test_no_query_shows_another_tenant(api, theirs):
    """Queries with another tenant's ids show nothing of it."""
    mine = api.as_(Role.AGENT)
    with pytest.raises(TowpathError) as caught:
        await mine("query($i: UUID!) { get_task_run_info(task_run_id: $i) { state } }", i=theirs["task_run"])
    assert caught.value.code is Code.NOT_FOUND
    with pytest.raises(TowpathError) as caught:
        await mine("query($i: UUID!) { mapped_children(task_run_id: $i) { state_counts } }", i=theirs["task_run"])
    assert caught.value.code is Code.NOT_FOUND
    assert (await mine("query($i: UUID!) { flow_code(flow_id: $i) { hash } }", i=theirs["flow"]))["flow_code"] is None
    assert await api("{ api_keys { name } auth_api_key { name } }") == {"api_keys": [], "auth_api_key": []}
    await api.open_gate()
    await api.expire(theirs["run"])
    loops = await api("{ expired_leases { runs { fence } } schedule_sources { flow_id } stranded_flow_runs { state } }")
    assert loops == {"expired_leases": {"runs": []}, "schedule_sources": [], "stranded_flow_runs": []}


async def test_a_run_token_reaches_its_own_run(api, make_state):
    """With its token a run's process can begin, report, renew, name, log, look at its code and create runs of other flows."""
    flow = await api.register()
    run_id = await api.create(flow)
    (claimed,) = (await api.claim(await api.agent()))["runs"]
    token = api.as_(Role.RUN, run=run_id, fence=claimed["fence"])
    owned = {"flow_run_id": run_id, "fence": claimed["fence"]}
    await token.call("begin_run", "lease", **owned, holder="me")
    run = {"id": run_id, "fence": claimed["fence"]}
    await token.report(run, 1, [{"state": make_state("Running")}])
    assert (await token.call("renew_leases", "results", leases=[owned]))["results"][0]["status"] == "OK"
    task = (await api.tasks_of(run_id))["a-1"]
    await token.call("set_task_run_name", task_run_id=task["id"], name="mine")
    await token.call("set_flow_run_name", flow_run_id=run_id, name="mine")
    await token.call("update_task_run_heartbeat", task_run_id=task["id"])
    await token.call("get_or_create_task_run", "id", flow_run_id=run_id, task_id=task["task_id"], map_index=0)
    await token.call("write_run_logs", logs=[{"flow_run_id": run_id, "message": "m", "task_run_id": task["id"]}])
    await token.call("set_task_run_states", "states { id }", states=[{"task_run_id": task["id"], "state": make_state("Running")}])
    assert await token.create(await api.register("child"))
    code = (await token("query($i: UUID!) { flow_code(flow_id: $i) { hash } }", i=flow))["flow_code"]
    assert code["hash"]
    assert (await token.call("cancel_flow_run", "state", flow_run_id=run_id))["state"] == "Cancelling"


async def touches(api, run_id, fence, task):
    """Everything that a run's token might be used for, with the run, the task run and the artifact that it shall not touch."""
    made = await api.call("create_task_run_artifact", "id", task_run_id=task["id"], kind="link", data={"link": "http://x"}, id=ARTIFACT)
    run, task_run, owned = {"flow_run_id": run_id}, {"task_run_id": task["id"]}, {"flow_run_id": run_id, "fence": fence}
    return {
        "begin_run": ({**owned, "holder": "x"}, "lease"),
        "report_run": ({**owned, "reporter": "engine", "sequence": 9, "states": []}, "results"),
        "request_slots": ({**owned, "tasks": [{"slug": "a-1"}]}, "results"),
        "renew_leases": ({"leases": [owned]}, "results"),
        "release_run": ({**owned, "reason": "x"}, "success"),
        "set_flow_run_name": ({**run, "name": "x"}, "success"),
        "set_task_run_name": ({**task_run, "name": "x"}, "success"),
        "create_task_run_artifact": ({**task_run, "kind": "link", "data": {"link": "http://y"}}, "id"),
        "update_task_run_artifact": ({"task_run_artifact_id": made["id"], "data": {"link": "http://y"}}, "success"),
        "delete_task_run_artifact": ({"task_run_artifact_id": made["id"]}, "success"),
        "get_or_create_task_run": ({**run, "task_id": task["task_id"]}, "id"),
        "get_or_create_task_run_info": ({**run, "task_id": task["task_id"]}, "id"),
        "update_flow_run_heartbeat": (run, "success"),
        "update_task_run_heartbeat": (task_run, "success"),
        "write_run_logs": ({"logs": [run]}, "success"),
        "set_flow_run_states": ({"states": [{**run, "state": STATE}]}, "states { id }"),
        "set_task_run_states": ({"states": [{**task_run, "state": STATE}]}, "states { id }"),
        "cancel_flow_run": (run, "state"),
        "restart_flow_run": (run, "success"),
    }


async def test_a_run_token_reaches_no_other_run(api):
    """Each mutation that a run's token may ask for is FORBIDDEN for another run of its tenant, and changes nothing there."""
    mine, other = await api.begun(await api.register("mine")), await api.begun(await api.register("other"))
    token = api.as_(Role.RUN, run=mine["id"], fence=mine["fence"])
    calls = await touches(api, other["id"], other["fence"], (await api.tasks_of(other["id"]))["a-1"])
    before = await everything(api, api.identity.tenant)
    whole_tenant = {"create_flow_run", "create_flow_runs", "set_key_value", "delete_key_value"}
    assert set(calls) | whole_tenant == {m for m in MUTATIONS if "run" in PERMISSIONS[m]}
    for name, (given, fields) in calls.items():
        refused = await token.refused(name, fields, **given)
        assert refused.code is Code.FORBIDDEN, (name, refused.code)
    task = (await api.tasks_of(other["id"]))["a-1"]
    for document in ("get_task_run_info(task_run_id: $i) { state }", "mapped_children(task_run_id: $i) { state_counts }"):
        with pytest.raises(TowpathError) as caught:
            await token(f"query($i: UUID!) {{ {document} }}", i=task["id"])
        assert caught.value.code is Code.FORBIDDEN
    other_flow = (await api.rows("select flow_id from flow_run where id = %s", other["id"]))[0]["flow_id"]
    with pytest.raises(TowpathError) as caught:
        await token("query($i: UUID!) { flow_code(flow_id: $i) { hash } }", i=other_flow)
    assert caught.value.code is Code.FORBIDDEN
    assert await everything(api, api.identity.tenant) == before


async def test_an_old_token_opens_nothing(api, make_state):
    """Once the run's fence has risen, its old token is FENCED everywhere: states, names, logs, heartbeats and new runs alike."""
    run = await api.begun(await api.register())
    await api.report(run, 1, [{"state": make_state("Running")}])
    await api.report(run, 1, [{"state": make_state("Failed")}], reporter="supervisor")
    token = api.as_(Role.RUN, run=run["id"], fence=run["fence"])
    await touches(api, run["id"], run["fence"], (await api.tasks_of(run["id"]))["a-1"])
    before = await everything(api, api.identity.tenant)
    for fence in (run["fence"], run["fence"] + 1):  # the old one, and the present one guessed
        calls = await touches(api, run["id"], fence, (await api.tasks_of(run["id"]))["a-1"])
        flow_id = (await api.rows("select flow_id from flow_run"))[0]["flow_id"]
        more = {
            "create_flow_run": ({"flow_id": flow_id}, "id"),
            "set_key_value": ({"key": "k", "value": 1}, "id"),
            "delete_key_value": ({"key_value_id": run["id"]}, "success"),
        }
        for name, (given, fields) in {**calls, **more}.items():
            if name == "renew_leases" and fence == run["fence"]:
                assert (await token.call(name, fields, **given))["results"][0]["status"] == "FENCED"
                continue
            refused = await token.refused(name, fields, **given)
            assert refused.code is Code.FENCED, (name, refused.code, refused.message)
    assert await everything(api, api.identity.tenant) == before


async def test_without_an_identity_nothing_is_answered(api):
    """A request that the gateway has not signed is UNAUTHENTICATED, whatever it asks."""
    for headers in ({}, {"x-towpath-identity": "e30.e30"}):
        answer = await api.upstream.post("/graphql", b'{"query": "{ hello }"}', headers)
        assert answer.status == 401
        assert b"UNAUTHENTICATED" in answer.body


async def test_bad_bodies_are_bad_requests(api):
    """A body that is no GraphQL request gets BAD_REQUEST and a sentence that says what is expected."""
    headers = {HEADER: sign(api.identity, "a-secret-of-the-tests-that-is-long-enough")}
    deep = b'{"query": "{ hello(x: ' + b"[" * 5000 + b'"}'
    for body in (b"", b"[]", b"null", b"{}", b'{"query": 1}', b'{"query": "{hello}", "variables": "x"}', b'{"query": "{hello}"'):
        answer = await api.upstream.post("/graphql", body, headers)
        assert answer.status == 400
        assert b"BAD_REQUEST" in answer.body
    answer = await api.upstream.post("/graphql", deep, headers)
    assert answer.status == 400
    assert b"VALIDATION_FAILED" in answer.body


async def test_keys_are_made_shown_once_and_looked_up_by_hash(api):
    """A key is answered once, stored as a hash, found by it until it expires or is deleted; its name is free once."""
    made = await api.call("create_api_key", "id key", name="ci", role="operator")
    assert (await api.refused("create_api_key", "id key", name="ci")).code is Code.UNIQUENESS_VIOLATION
    assert (await api.refused("create_api_key", "id key", name="x", role="service")).code is Code.BAD_REQUEST
    old = await api.call("create_api_key", "id key", name="old", expires_at="2001-01-01T00:00:00Z")
    gateway = api.as_(Role.SERVICE, tenant=None)
    document = "query($h: String!) { verify_api_key(key_hash: $h) { tenant_id role actor } }"

    async def owner(key):
        return (await gateway(document, h=hash_api_key(key)))["verify_api_key"]

    assert await owner(made["key"]) == {"tenant_id": str(api.identity.tenant), "role": "operator", "actor": "ci"}
    assert await owner(old["key"]) is None
    assert made["key"] not in str(await api.rows("select to_jsonb(k) as k from api_key k"))
    listed = await api("{ api_keys { name last_used } auth_api_key { id name expires_at } }")
    assert sorted(k["name"] for k in listed["api_keys"]) == sorted(k["name"] for k in listed["auth_api_key"]) == ["ci", "old"]
    holder = api.as_(Role.OPERATOR, actor="ci")
    assert (await holder("{ auth_info { user_id } }"))["auth_info"]["user_id"] == made["id"]
    await api.call("delete_api_key", key_id=made["id"])
    assert await owner(made["key"]) is None
    assert (await api.refused("delete_api_key", key_id=uuid4())).code is Code.NOT_FOUND
