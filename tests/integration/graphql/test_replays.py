"""Every mutation of the schema comes twice, as it does from a client that did not hear the first answer."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from graphql import GraphQLObjectType, build_ast_schema, get_named_type, is_leaf_type, parse

from towpath_proto import sdl
from towpath_proto.errors import TowpathError
from towpath_service_kit.identity import Role

_PASSING = ["updated", "heartbeat", "last_queried", "lease_expires_at", "asked", "answered_at", "ciphertext"]
"""Columns that say when somebody was last heard of, and what is sealed anew each time."""
_JOURNALS = ("audit", "outbox", "event", "write_path", "hook_delivery")
_REFUSED = {"NOT_FOUND", "UNIQUENESS_VIOLATION", "FENCED", "VERSION_LOCKING_ERROR"}
"""What the second call may be told: that it is gone, there, given back or done already."""
_MAKES_ANOTHER = {
    "create_flow_from_compressed_string": "without an idempotency key each registration is a version, as in Prefect",
    "register_flow": "likewise",
    "test_cloud_hook": "each trial is told",
}
_LOOPS = {"schedule_flow_runs", "reap_flow_runs", "reoffer_flow_runs"}


class Things:
    """Makes what mutations are about: each call a new one."""

    def __init__(self, api) -> None:
        self.api = api
        self._number = 0

    def name(self) -> str:
        self._number += 1
        return f"thing-{self._number}"

    async def make(self, mutation: str, **given: Any) -> str:
        return (await self.api.call(mutation, "id", **given))["id"]

    async def project(self) -> str:
        return await self.make("create_project", name=self.name())

    async def tenant(self) -> str:
        name = self.name()
        return await self.make("create_tenant", name=name, slug=name)

    async def flow(self, **given: Any) -> UUID:
        return await self.api.register(self.name(), **given)

    async def group(self) -> UUID:
        return (await self.api.rows("select flow_group_id from flow where id = %s", await self.flow()))[0]["flow_group_id"]

    async def run(self) -> UUID:
        return await self.api.create(await self.flow())

    async def begun(self, **given: Any) -> dict[str, Any]:
        run = await self.api.begun(await self.flow(**given))
        await self.api.report(run, 1, [{"state": {"type": "Running"}}])
        return run

    async def claimed(self) -> dict[str, Any]:
        label = self.name()
        run = await self.api.create(await self.flow(), labels=[label])
        (claimed,) = (await self.api.claim(await self.api.agent([label], label), labels=[label]))["runs"]
        return {"flow_run_id": run, "fence": claimed["fence"]}

    async def task_run(self) -> UUID:
        run = await self.api.create(await self.api.register1(self.name()))
        state = {"flow_run_id": run, "state": {"type": "Running"}}
        await self.api.call("set_flow_run_states", "states { status }", states=[state])
        return (await self.api.tasks_of(run))["a-1"]["id"]

    async def new_task_run(self) -> dict[str, Any]:
        flow = await self.api.register1(self.name())
        run = await self.api.create(flow)
        return {"flow_run_id": run, "task_id": (await self.api.tasks_of(run))["a-1"]["task_id"], "map_index": 3}

    async def artifact(self) -> str:
        run = await self.begun()
        data = {"markdown": "x"}
        return await self.make("create_task_run_artifact", task_run_id=run["tasks"]["a-1"], kind="markdown", data=data)

    async def hook(self) -> str:
        given = {"tenant_id": self.api.identity.tenant, "type": "PREFECT_MESSAGE", "states": ["FAILED"], "name": self.name()}
        return await self.make("create_cloud_hook", **given)

    async def message(self) -> UUID:
        await self.api.call("test_cloud_hook", cloud_hook_id=await self.hook())
        return (await self.api.rows("select id from message order by created desc, id desc limit 1"))[0]["id"]

    async def expired(self) -> dict[str, Any]:
        run = await self.begun()
        await self.api.expire(run["id"])
        await self.api.open_gate()
        return {"runs": [{"flow_run_id": run["id"], "fence": run["fence"]}]}

    async def scheduled(self) -> dict[str, Any]:
        clock = {"type": "IntervalClock", "interval": 3_600_000_000, "start_date": {"dt": "2026-01-01T00:00:00", "tz": "UTC"}}
        flow = await self.flow(schedule={"type": "Schedule", "clocks": [clock]})
        await self.api.call("set_schedule_active", flow_id=flow)
        (row,) = await self.api.rows("select schedule_clock as clock from flow_run where flow_id = %s limit 1", flow)
        return {"runs": [{"flow_id": flow, "clock": row["clock"], "fire_time": "2040-01-01T00:00:00Z"}]}

    def serialized(self) -> dict[str, Any]:
        tasks = [{"slug": "a-1", "name": "a", "max_retries": 0, "retry_delay": 0}]
        return {"name": self.name(), "type": "prefect.core.flow.Flow", "tasks": tasks, "edges": [], "parameters": []}


Make = Callable[[Things], Awaitable[dict[str, Any]]]


async def _just(value: Any) -> Any:
    return value


async def _of(key: str, thing: Awaitable[Any], **more: Any) -> dict[str, Any]:
    return {key: await thing, **more}


async def _leases(thing: Awaitable[dict[str, Any]]) -> dict[str, Any]:
    run = await thing
    return {"leases": [{"flow_run_id": run["id"], "fence": run["fence"]}]}


async def _report(t: Things) -> dict[str, Any]:
    run = await t.begun()
    states = [{"slug": "a-1", "state": {"type": "Running"}}]
    logs = [{"slug": "a-1", "message": "x", "level": "INFO", "timestamp": "2026-01-01T00:00:00Z", "name": "n"}]
    return {"flow_run_id": run["id"], "fence": run["fence"], "reporter": "engine", "sequence": 2, "states": states, "logs": logs}


async def _slots(t: Things) -> dict[str, Any]:
    tag = t.name()
    await t.make("update_task_tag_limit", tag=tag, limit=1)
    run = await t.begun(tags=[tag])
    return {"flow_run_id": run["id"], "fence": run["fence"], "tasks": [{"slug": "a-1"}, {"slug": "a-2"}]}


async def _log(t: Things) -> dict[str, Any]:
    at, run = "2026-01-01T00:00:00.000001", await t.run()
    return {"logs": [{"flow_run_id": run, "message": m, "timestamp": at, "level": "INFO", "name": "n"} for m in ("one", "one", "two")]}


async def _finished(t: Things) -> UUID:
    run = await t.begun()
    await t.api.report(run, 2, [{"state": {"type": "Failed"}}])
    return run["id"]


async def _flow_state(t: Things) -> dict[str, Any]:
    run = await t.api.create(await t.api.register1(t.name()))
    return {"states": [{"flow_run_id": run, "state": {"type": "Running"}, "version": 1}]}


async def _task_state(t: Things) -> dict[str, Any]:
    return {"states": [{"task_run_id": await t.task_run(), "state": {"type": "Success"}}]}


async def _secret(t: Things) -> str:
    name = t.name()
    await t.api.call("set_secret", name=name, value=1)
    return name


def _same_group(mutation: str, **more: Any) -> tuple[str, Make]:
    return mutation, lambda t: _of("flow_group_id", t.group(), **more)


def _same_flow(mutation: str, **more: Any) -> tuple[str, Make]:
    return mutation, lambda t: _of("flow_id", t.flow(), **more)


_CLOCK = [{"cron": "0 0 1 1 *"}]
_HOOK_CALLS = ("delete_cloud_hook", "set_cloud_hook_active", "set_cloud_hook_inactive")
_HOOK = {"states": ["FAILED"], "type": "PREFECT_MESSAGE"}
_TASKS = [{"slug": "b-1", "name": "b", "max_retries": 0, "retry_delay": 0}]
_EDGES = [{"upstream_task": {"slug": "a-1"}, "downstream_task": {"slug": "a-2"}, "key": "y", "mapped": False}]
INPUTS: dict[str, Make] = {
    "create_tenant": lambda t: _of("name", _just("Anew"), slug="anew"),
    "delete_tenant": lambda t: _of("tenant_id", t.tenant(), confirm=True),
    "update_tenant_name": lambda t: _of("tenant_id", _just(t.api.identity.tenant), name="Other"),
    "update_tenant_slug": lambda t: _of("tenant_id", _just(t.api.identity.tenant), slug="other"),
    "update_tenant_settings": lambda t: _of("tenant_id", _just(t.api.identity.tenant), settings={"a": 1}),
    "create_project": lambda t: _of("name", _just("anew")),
    "delete_project": lambda t: _of("project_id", t.project()),
    "set_project_name": lambda t: _of("project_id", t.project(), name="renamed"),
    "set_project_description": lambda t: _of("project_id", t.project(), description="d"),
    "create_agent_config": lambda t: _of("name", _just("c"), settings={"a": 1}),
    "update_agent_config": lambda t: _of("agent_config_id", t.make("create_agent_config", name="d"), settings={"b": 1}),
    "delete_agent_config": lambda t: _of("agent_config_id", t.make("create_agent_config", name="e")),
    "create_task_run_artifact": lambda t: _of("task_run_id", t.task_run(), kind="markdown", data={"markdown": "x"}),
    "update_task_run_artifact": lambda t: _of("task_run_artifact_id", t.artifact(), data={"markdown": "y"}),
    "delete_task_run_artifact": lambda t: _of("task_run_artifact_id", t.artifact()),
    "create_flow": lambda t: _of("project_id", t.project(), serialized_flow=t.serialized(), idempotency_key="k1"),
    "create_flow_from_compressed_string": lambda t: _of(
        "project_id", t.project(), serialized_flow=base64.b64encode(gzip.compress(json.dumps(t.serialized()).encode())).decode()
    ),
    "register_tasks": lambda t: _of("flow_id", t.api.register1(t.name()), serialized_tasks=_TASKS),
    "register_edges": lambda t: _of("flow_id", t.api.register1(t.name()), serialized_edges=_EDGES),
    "register_flow": lambda t: _of("project_name", _just("default"), serialized_flow=t.serialized()),
    "add_signing_key": lambda t: _of("public_key", _just(base64.b64encode(bytes(31) + b"\1").decode()), name="k"),
    "update_flow_project": lambda t: _two(t.flow(), t.project()),
    **dict(
        _same_flow(name)
        for name in (
            "archive_flow", "delete_flow", "set_schedule_active", "set_schedule_inactive", "enable_flow_heartbeat",
            "disable_flow_heartbeat", "enable_flow_lazarus_process", "disable_flow_lazarus_process",
        )
    ),
    **dict(_same_group(name) for name in ("delete_flow_group", "delete_flow_group_schedule")),
    **dict(
        (
            _same_group("set_flow_group_description", description="d"),
            _same_group("set_flow_group_labels", labels=["b", "a"]),
            _same_group("set_flow_group_run_config", run_config={"type": "UniversalRun"}),
            _same_group("set_flow_group_default_parameters", parameters={}),
            _same_group("set_flow_group_schedule", cron_clocks=_CLOCK, timezone="UTC"),
        )
    ),
    "create_cloud_hook": lambda t: _of("tenant_id", _just(t.api.identity.tenant), name="h", **_HOOK),
    **{name: lambda t: _of("cloud_hook_id", t.hook()) for name in _HOOK_CALLS},
    "test_cloud_hook": lambda t: _of("cloud_hook_id", t.hook()),
    **{name: lambda t: _of("message_id", t.message()) for name in ("mark_message_as_read", "mark_message_as_unread", "delete_message")},
    "update_task_tag_limit": lambda t: _of("tag", _just("db"), limit=3),
    "delete_task_tag_limit": lambda t: _of("limit_id", t.make("update_task_tag_limit", tag=t.name(), limit=1)),
    "update_flow_concurrency_limit": lambda t: _of("label", _just("db"), limit=3),
    "delete_flow_concurrency_limit": lambda t: _of("limit_id", t.make("update_flow_concurrency_limit", label=t.name(), limit=1)),
    "request_slots": _slots,
    "schedule_flow_runs": lambda t: t.scheduled(),
    "reap_flow_runs": lambda t: t.expired(),
    "reoffer_flow_runs": lambda t: _of("flow_run_ids", _list(t.run())),
    "register_agent": lambda t: _of("type", _just("LocalAgent"), name="a", labels=["y", "x"]),
    "delete_agent": lambda t: _of("agent_id", t.api.agent(name=t.name())),
    "claim_flow_runs": lambda t: _of("agent_id", t.api.agent(name=t.name()), run_config_types=["UniversalRun"], labels=["nobody's"]),
    "begin_run": lambda t: _with(t.claimed(), holder="p"),
    "renew_leases": lambda t: _leases(t.begun()),
    "report_run": _report,
    "release_run": lambda t: _with(t.claimed(), reason="stopping"),
    "create_flow_run": lambda t: _of("flow_id", t.flow(), idempotency_key="i"),
    "create_flow_runs": lambda t: _many(t.flow()),
    "set_flow_run_name": lambda t: _of("flow_run_id", t.run(), name="n"),
    "set_flow_run_labels": lambda t: _of("flow_run_id", t.run(), labels=["b", "a"]),
    "set_task_run_name": lambda t: _of("task_run_id", t.task_run(), name="n"),
    "delete_flow_run": lambda t: _of("flow_run_id", t.run()),
    **{name: lambda t: t.new_task_run() for name in ("get_or_create_task_run", "get_or_create_task_run_info")},
    "update_flow_run_heartbeat": lambda t: _of("flow_run_id", t.run()),
    "update_task_run_heartbeat": lambda t: _of("task_run_id", t.task_run()),
    "get_runs_in_queue": lambda t: _of("tenant_id", _just(t.api.identity.tenant), labels=["a"]),
    "write_run_logs": _log,
    "set_flow_run_states": _flow_state,
    "set_task_run_states": _task_state,
    "set_states": _task_state,
    "cancel_flow_run": lambda t: _of("flow_run_id", t.run()),
    "restart_flow_run": lambda t: _of("flow_run_id", _finished(t)),
    "set_secret": lambda t: _of("name", _just("s"), value={"a": 1}),
    "delete_secret": lambda t: _of("name", _secret(t)),
    "set_key_value": lambda t: _of("key", _just("k"), value={"a": 1}),
    "delete_key_value": lambda t: _of("key_value_id", t.make("set_key_value", key=t.name(), value=1)),
    "create_api_key": lambda t: _of("name", _just("k"), role="viewer"),
    "delete_api_key": lambda t: _of("key_id", t.make("create_api_key", name=t.name(), role="viewer")),
}  # fmt: skip
"""For each mutation, an input of a call that makes sense."""


async def _two(flow: Awaitable[UUID], project: Awaitable[str]) -> dict[str, Any]:
    return {"flow_id": await flow, "project_id": await project}


async def _list(thing: Awaitable[Any]) -> list[Any]:
    return [await thing]


async def _with(thing: Awaitable[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {**await thing, **more}


async def _many(flow: Awaitable[UUID]) -> dict[str, Any]:
    return {"runs": [{"flow_id": await flow, "idempotency_key": "many"}]}


def _leaves(kind: Any) -> str:
    """A selection of everything in an answer."""
    named = get_named_type(kind)
    if is_leaf_type(named):
        return ""
    assert isinstance(named, GraphQLObjectType)
    return "{ " + " ".join(f"{name} {_leaves(field.type)}" for name, field in named.fields.items()) + " }"


_TABLES = """
select relname as name from pg_class
where relkind in ('r', 'p') and not relispartition and relnamespace = 'public'::regnamespace and not relname = any(%s)
"""


async def _rows(api) -> dict[str, str]:
    """Every row of every table, but for what only passes; once hooks have told what there was to tell."""
    async with asyncio.timeout(60):
        while await api.rows("select id from hook_delivery"):  # noqa: ASYNC110 - PostgreSQL tells nobody of it
            await asyncio.sleep(0.005)
    one = "select '{0}' as name, string_agg((to_jsonb(t) - %s::text[])::text, e'\n' order by to_jsonb(t)) as rows from {0} t"
    names = [row["name"] for row in await api.rows(_TABLES, list(_JOURNALS))]
    rows = await api.rows(" union all ".join(one.format(name) for name in names), *[_PASSING] * len(names))
    return {row["name"]: row["rows"] for row in rows}


def _ids(answer: Any) -> list[Any]:
    """The ids that an answer gives."""
    if isinstance(answer, dict):
        return [i for key, value in answer.items() for i in ([value] if key == "id" and value else _ids(value))]
    return [i for item in answer for i in _ids(item)] if isinstance(answer, list) else []


async def _answer(api, document: str, given: dict[str, Any]) -> Any:
    try:
        return await api(document, i=given)
    except TowpathError as e:
        return str(e.code)


def _caller(api, name: str, given: dict[str, Any]) -> Any:
    """Who may call it: a loop, the admin of the tenant that goes, or the admin of this one."""
    if name in _LOOPS:
        return api.as_(Role.SERVICE, tenant=None)
    return api.as_(Role.ADMIN, tenant=UUID(given["tenant_id"])) if name == "delete_tenant" else api


async def test_every_mutation_may_come_twice(api):
    """What the second call answers is what the first did, or that there is nothing left to delete; and it changes nothing."""
    mutations = build_ast_schema(parse(sdl.load())).mutation_type.fields
    assert INPUTS.keys() == mutations.keys(), "a mutation is new here: say how it is called, and what a second call does"
    things, wrong = Things(api), []
    for name, make in INPUTS.items():
        given = await make(things)
        document = f"mutation($i: {name}_input!) {{ {name}(input: $i) {_leaves(mutations[name].type)} }}"
        caller = _caller(api, name, given)
        first = await caller(document, i=given)
        before = await _rows(api)
        second = await _answer(caller, document, given)
        after = await _rows(api)
        changed = [table for table in before if before[table] != after[table]]
        told = second in _REFUSED if isinstance(second, str) else set(_ids(second)) <= set(_ids(first))
        if bool(changed or not told) != (name in _MAKES_ANOTHER):
            wrong.append((name, changed, first, second))
    assert not wrong


async def test_waiting_states_may_come_twice(api, make_state):
    """A state in which a run waits, without a version: the second is no other state, so no version is passed and no history written."""
    at = {"start_time": "2040-01-01T00:00:00+00:00"}
    for kind, more in (("Retrying", {**at, "run_count": 1}), ("Paused", {}), ("Scheduled", at), ("Queued", at)):
        run = await api.create(await api.register1(kind, retries=1))
        await _set(api, "flow", run, make_state("Running"))
        task = (await api.tasks_of(run))["a-1"]["id"]
        for table, key in (("task", task), ("flow", run)):
            await _set(api, table, key, make_state("Running"))
            found = []
            for _ in range(2):
                await _set(api, table, key, make_state(kind, **more))
                found += await api.rows(
                    f"select r.version, r.state, (select count(*) from {table}_run_state s where s.{table}_run_id = r.id) as history"
                    f" from {table}_run r where id = %s",
                    key,
                )
            assert found[0] == found[1]
            assert found[0]["state"] == kind


async def _set(api, table: str, key: Any, state: Any) -> None:
    item = {f"{table}_run_id": key, "state": state}
    await api.call(f"set_{table}_run_states", "states { status }", states=[item])


async def test_a_line_that_is_another_is_kept(api):
    """Only a line that is the same in everything is a line that came before; equal lines of one call are as many as were sent."""
    run = await api.create(await api.register())
    line = {"flow_run_id": run, "message": "m", "timestamp": "2026-01-01T00:00:00.000001", "level": "INFO", "name": "n"}
    task = (await api.tasks_of(run))["a-1"]["id"]
    others = [{"message": "o"}, {"level": "ERROR"}, {"name": "x"}, {"timestamp": "2026-01-01T00:00:00.000002"}, {"task_run_id": task}]
    await api.call("write_run_logs", logs=[line, line])
    for _ in range(2):
        for other in others:
            await api.call("write_run_logs", logs=[{**line, **other}])
        await api.call("write_run_logs", logs=[line])
    (count,) = await api.rows("select count(*) as lines from log")
    assert count["lines"] == 2 + len(others)
