"""Task runs as clients ask for them, cached results, names, heartbeats, deletion, and logs written outside a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from towpath_graphql.app.audit import note
from towpath_graphql.app.caller import RUN, Caller
from towpath_graphql.app.ports import Json, Row, Store, Transaction
from towpath_graphql.app.storing import lock_flow_run, lock_flow_runs, must_hold, write_logs
from towpath_graphql.domain import state_json
from towpath_graphql.domain.decide import offered_event
from towpath_proto import timers
from towpath_proto.errors import Code, TowpathError
from towpath_proto.ids import uuid7

MAX_LOGS = 10_000
"""Log lines in one call."""
MAX_CACHED_TASKS = 5_000
MAX_CACHED = 50_000
LONGEST_CACHE = 100 * 366 * 86_400.0
"""Seconds; a longer way back than that is no time that PostgreSQL knows."""


async def get_or_create(store: Store, caller: Caller, *, flow_run_id: UUID, task_id: UUID, map_index: int | None) -> Row:
    """The task run of (flow run, task, map index), made with a Pending state if it is not there."""
    caller.must_own(flow_run_id)
    index = -1 if map_index is None else map_index
    if index < -1:
        raise TowpathError(Code.BAD_REQUEST, f"map_index is -1 (not mapped) or a position from 0 on, not {index}.")
    key = {"flow_run_id": flow_run_id, "task_id": task_id, "map_index": index, "tenant_id": caller.scope}
    made = {"id": uuid7(), "state": Json(state_json.make("Pending", "Task run created."))}
    if caller.role == RUN:
        async with store.transaction() as tx:
            await must_hold(tx, caller)
            row = await tx.one("get_or_create_task_run", **key, **made)
    else:
        row = await store.one("get_or_create_task_run", **key, **made)
    if row is None:  # another call may have made it at the same time
        row = await store.one("task_run_info_by_index", **key)
    if row is None:
        raise TowpathError(Code.NOT_FOUND, f"There is no flow run {flow_run_id} with a task {task_id}.")
    return row


async def info(store: Store, caller: Caller, task_run_id: UUID) -> Row:
    """A task run's id, version and state."""
    async with store.transaction() as tx:
        row = await tx.one("task_run_info", id=task_run_id, tenant_id=caller.scope)
    if row is None:
        raise TowpathError(Code.NOT_FOUND, f"There is no task run {task_run_id}.")
    caller.must_own(row["flow_run_id"])
    return row


async def mapped_children(store: Store, caller: Caller, task_run_id: UUID) -> Row:
    """Counts of the states of a mapped task run's children, with their first start and last end."""
    async with store.transaction() as tx:
        await _own_task_run(tx, caller, task_run_id)
        row = await tx.one("mapped_children", id=task_run_id, tenant_id=caller.scope)
    assert row is not None
    return row


async def cached_task_runs(store: Store, caller: Caller, *, flow_run_id: UUID, tasks: Sequence[Mapping[str, Any]], limit: int) -> list[Row]:
    """Cached results that a run's tasks may take over, newest first; see the SDL."""
    caller.must_own(flow_run_id)
    if len(tasks) > MAX_CACHED_TASKS or not 0 <= limit <= MAX_CACHED:
        message = f"At most {MAX_CACHED_TASKS} tasks and {MAX_CACHED} cached results are asked for in one call."
        raise TowpathError(Code.LIMIT_EXCEEDED, message)
    async with store.transaction() as tx:
        await must_hold(tx, caller)
        return await tx.all(
            "cached_task_runs",
            flow_run_id=flow_run_id,
            tenant_id=caller.scope,
            slugs=[t["slug"] for t in tasks],
            cache_keys=[t.get("cache_key") for t in tasks],
            seconds=[min(max(t["seconds"], 0.0), LONGEST_CACHE) for t in tasks],
            limit=limit,
            looked_at=MAX_CACHED,
        )


async def beat_flow_run(store: Store, caller: Caller, flow_run_id: UUID) -> None:
    """The heartbeat of a Prefect 1 run."""
    caller.must_own(flow_run_id)
    async with store.transaction() as tx:
        await must_hold(tx, caller)
        if await tx.one("beat_prefect1", id=flow_run_id, tenant_id=caller.scope, lease=timers.LEASE_PREFECT1) is None:
            raise TowpathError(Code.NOT_FOUND, f"There is no flow run {flow_run_id} that beats this way.")


async def beat_task_run(store: Store, caller: Caller, task_run_id: UUID) -> None:
    """The heartbeat of a task run of an old client."""
    async with store.transaction() as tx:
        await must_hold(tx, caller)
        await _own_task_run(tx, caller, task_run_id)
        await tx.one("beat_task_run", id=task_run_id, tenant_id=caller.scope)


async def rename(store: Store, caller: Caller, *, name: str, flow_run_id: UUID | None = None, task_run_id: UUID | None = None) -> None:
    """Give a flow run or a task run another name."""
    async with store.transaction() as tx:
        await must_hold(tx, caller)
        if flow_run_id is not None:
            if caller.run_id not in (None, flow_run_id):
                caller.must_reach(flow_run_id, (await lock_flow_run(tx, flow_run_id, caller.scope)).parent_flow_run_id)
            row = await tx.one("rename_flow_run", id=flow_run_id, name=name, tenant_id=caller.scope)
        elif task_run_id is not None:
            await _own_task_run(tx, caller, task_run_id)
            row = await tx.one("rename_task_run", id=task_run_id, name=name, tenant_id=caller.scope)
        if row is None:
            raise TowpathError(Code.NOT_FOUND, f"There is no run {flow_run_id or task_run_id}.")


async def label(store: Store, caller: Caller, flow_run_id: UUID, labels: Sequence[str]) -> None:
    """Give a flow run other labels; agents that serve them are told of a run that waits for one."""
    wanted = sorted(set(labels))
    async with store.transaction() as tx:
        run = await lock_flow_run(tx, flow_run_id, caller.scope)
        if wanted == list(run.labels):
            return
        await tx.run("label_flow_run", id=flow_run_id, tenant_id=run.tenant_id, labels=Json(wanted))
        if run.due_at is not None:
            tx.publish([offered_event(replace(run, labels=tuple(wanted)))])
        await note(tx, caller, "set_flow_run_labels", "flow_run", flow_run_id, labels=wanted)


async def _own_task_run(tx: Transaction, caller: Caller, task_run_id: UUID) -> None:
    """Refuse a task run that the caller cannot see, or that is not of its own run."""
    owners = await tx.all("flow_of_task_runs", ids=[task_run_id], tenant_id=caller.scope)
    if not owners:
        raise TowpathError(Code.NOT_FOUND, f"There is no task run {task_run_id}.")
    caller.must_own(owners[0]["flow_run_id"])


async def delete_flow_run(store: Store, caller: Caller, flow_run_id: UUID) -> None:
    """Delete a flow run with its task runs, history and logs."""
    async with store.transaction() as tx:
        runs = await lock_flow_runs(tx, [flow_run_id], caller.scope)
        if flow_run_id not in runs:
            raise TowpathError(Code.NOT_FOUND, f"There is no flow run {flow_run_id}.")
        await tx.run("delete_run_history", id=flow_run_id)
        await tx.run("delete_flow_run", id=flow_run_id, tenant_id=caller.scope)
        await note(tx, caller, "delete_flow_run", "flow_run", flow_run_id, name=runs[flow_run_id].name)


async def write_run_logs(store: Store, caller: Caller, logs: Sequence[Mapping[str, Any]]) -> None:
    """Log rows from Prefect 1's clients; rows of runs that do not exist are left out.

    A line that names a task run of another flow run is kept as a line of its flow run. A call that comes again stores nothing twice.
    """
    if len(logs) > MAX_LOGS:
        raise TowpathError(Code.LIMIT_EXCEEDED, f"At most {MAX_LOGS} log lines are taken in one call; send them in parts.")
    by_run: dict[UUID, list[dict[str, Any]]] = {}
    for item in logs:
        caller.must_own(item["flow_run_id"])
        row = {k: item.get(k) for k in ("task_run_id", "timestamp", "name", "level", "message", "info")}
        by_run.setdefault(item["flow_run_id"], []).append(row)
    named = sorted({i["task_run_id"] for i in logs if i.get("task_run_id") is not None})
    async with store.transaction() as tx:
        await must_hold(tx, caller)
        known = {r["id"]: r["tenant_id"] for r in await tx.all("tenants_of_flow_runs", ids=sorted(by_run), tenant_id=caller.scope)}
        owners = (
            {r["id"]: r["flow_run_id"] for r in await tx.all("owners_of_task_runs", ids=named, tenant_id=caller.scope)} if named else {}
        )
        for flow_run_id, rows in by_run.items():
            for row in rows:
                if owners.get(row["task_run_id"]) != flow_run_id:
                    row["task_run_id"] = None
        await write_logs(tx, [(known[i], i, rows) for i, rows in by_run.items() if i in known], once=True)
