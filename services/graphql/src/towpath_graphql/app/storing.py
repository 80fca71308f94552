"""Stores accepted decisions, set-wise: one statement a table for all runs of a batch, each guarded by what the decision saw."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from towpath_graphql.app.caller import RUN, Caller
from towpath_graphql.app.ports import Json, Row, Transaction
from towpath_graphql.domain import state_json
from towpath_graphql.domain.decide import short_message
from towpath_graphql.domain.runs import Event, FlowRun, HistoryRow, TaskRun
from towpath_proto.errors import Code, TowpathError
from towpath_proto.ids import uuid7

_FLOW_FIELDS = frozenset(FlowRun.__dataclass_fields__) - {"labels"}
_TASK_FIELDS = frozenset(TaskRun.__dataclass_fields__) - {"stored"}
_TASK_COLUMNS = tuple((field, f"t_{field}") for field in sorted(_TASK_FIELDS))
MAX_CHANGES_IN_EVENT = 200
"""Task runs named in one event; its `count` is the true number."""


def flow_run_of(row: Row) -> FlowRun:
    """A row of lock_flow_runs as a value."""
    return FlowRun(**{k: v for k, v in row.items() if k in _FLOW_FIELDS}, labels=tuple(row["labels"]))


def task_run_of(row: Row) -> TaskRun:
    """A row of lock_task_runs as a value."""
    return TaskRun(**{k: v for k, v in row.items() if k in _TASK_FIELDS})


async def lock_flow_runs(tx: Transaction, ids: Iterable[UUID], tenant_id: UUID | None) -> dict[UUID, FlowRun]:
    """The flow runs that exist among `ids`, locked."""
    rows = await tx.all("lock_flow_runs", ids=sorted(set(ids)), tenant_id=tenant_id)
    return {r["id"]: flow_run_of(r) for r in rows}


async def lock_task_runs(
    tx: Transaction, ids: Iterable[UUID], tenant_id: UUID | None, *, flow_run_ids: Iterable[UUID] = ()
) -> tuple[dict[UUID, FlowRun], list[TaskRun]]:
    """The task runs that exist among `ids` with their flow runs and those of `flow_run_ids`: locked, flow runs first, each by id."""
    wanted = {"ids": sorted(set(flow_run_ids)), "task_run_ids": sorted(set(ids))}
    return _with_flow_runs(await tx.all("lock_task_runs_with_flow_runs", **wanted, tenant_id=tenant_id))


async def see_task_runs(tx: Transaction, ids: Iterable[UUID], tenant_id: UUID | None) -> tuple[dict[UUID, FlowRun], list[TaskRun]]:
    """The task runs that exist among `ids` with their flow runs, as they are at this moment: not locked."""
    return _with_flow_runs(await tx.all("task_runs_with_flow_runs", ids=sorted(set(ids)), tenant_id=tenant_id))


def _with_flow_runs(rows: Iterable[Row]) -> tuple[dict[UUID, FlowRun], list[TaskRun]]:
    flows: dict[UUID, FlowRun] = {}
    for row in rows:
        if row["id"] not in flows:
            flows[row["id"]] = flow_run_of(row)
    tasks = [TaskRun(**{field: row[column] for field, column in _TASK_COLUMNS}) for row in rows if row["t_id"] is not None]
    return flows, tasks


async def lock_flow_run(tx: Transaction, flow_run_id: UUID, tenant_id: UUID | None) -> FlowRun:
    """One flow run, locked.

    Raises:
        TowpathError: `NOT_FOUND`, in the words that Prefect 1's agents know.
    """
    found = await lock_flow_runs(tx, [flow_run_id], tenant_id)
    if flow_run_id not in found:
        raise TowpathError(Code.NOT_FOUND, f"State update failed for flow run {flow_run_id}: there is no such flow run.")
    return found[flow_run_id]


async def must_hold(tx: Transaction, caller: Caller) -> None:
    """Refuse a run's token whose claim is over: once the run's fence has risen, the token opens nothing.

    Raises:
        TowpathError: `FENCED`.
    """
    if caller.role != RUN or caller.run_id is None:
        return
    row = await tx.one("fence_of_flow_run", id=caller.run_id, tenant_id=caller.scope)
    if row is None or row["fence"] != caller.fence:
        raise TowpathError(
            Code.FENCED,
            f"This token's claim (fence {caller.fence}) is over: the run has another owner or was given up. Stop.",
            run_id=str(caller.run_id),
        )


async def store_flow_runs(
    tx: Transaction, before: Mapping[UUID, FlowRun], after: Iterable[FlowRun], *, agent_id: UUID | None = None, beat: bool = False
) -> None:
    """Write flow runs back.

    Args:
        tx: The transaction that locked them.
        before: The rows as they were locked: the guard.
        after: The rows as they shall be.
        agent_id: The agent that has claimed them, if that changes.
        beat: Whether their owner has just been heard.
    """
    rows = [_flow_row(before[r.id], r, agent_id, beat) for r in after]
    if rows and len(await tx.all("store_flow_runs", rows=Json(rows))) != len(rows):
        raise TowpathError(Code.VERSION_LOCKING_ERROR, "A flow run changed while it was being changed; read it and try again.")


async def store_task_runs(
    tx: Transaction, before: Mapping[UUID, TaskRun], after: Iterable[TaskRun], history: Iterable[HistoryRow] = ()
) -> None:
    """Write task runs back with their history; those that do not exist yet are made.

    Raises:
        TowpathError: `VERSION_LOCKING_ERROR`.
    """
    rows = [(r.stored, _task_row(before[r.id], r)) for r in after]
    new = [row for stored, row in rows if not stored]
    if new and len(await tx.all("insert_task_runs", rows=Json(new))) != len(new):
        raise TowpathError(Code.VERSION_LOCKING_ERROR, "A task run was made by another writer at the same time; try again.")
    changed = [row for stored, row in rows if stored]
    past = [_history_row(h) for h in history]
    if (changed or past) and not await _store_unmoved(tx, changed, past, ()):
        raise TowpathError(Code.VERSION_LOCKING_ERROR, "A task run changed while it was being changed; read it and try again.")


async def store_seen_task_runs(
    tx: Transaction, flows: Iterable[FlowRun], before: Mapping[UUID, TaskRun], after: Iterable[TaskRun], history: Iterable[HistoryRow]
) -> bool:
    """Write task runs back with their history and all events, if they and their flow runs still are what `see_task_runs` saw.

    Args:
        tx: A transaction, or statements that are one each.
        flows: The flow runs as they were seen.
        before: The task runs as they were seen.
        after: The task runs as they shall be.
        history: What has become of them.

    Returns:
        Whether they were. If not, nothing is written.
    """
    changed = [_task_row(before[r.id], r) for r in after]
    return await _store_unmoved(tx, changed, [_history_row(h) for h in history], flows)


async def _store_unmoved(tx: Transaction, changed: list[dict[str, Any]], past: list[dict[str, Any]], flows: Iterable[FlowRun]) -> bool:
    seen = [{"id": f.id, "version": f.version, "fence": f.fence, "holds_slots": f.holds_slots} for f in flows]
    written = await tx.all("store_task_runs", rows=Json(changed), history=Json(past), events=tx.take_events(), seen=Json(seen))
    return len(written) == len(changed)


async def append_flow_history(tx: Transaction, history: Iterable[HistoryRow]) -> None:
    """Append history rows of flow runs."""
    if rows := [_history_row(h) for h in history]:
        await tx.run("append_flow_run_states", rows=Json(rows))


def task_event(flow_run: FlowRun, after: Iterable[TaskRun]) -> tuple[Event, ...]:
    """One event for all task runs of a flow run that have moved."""
    moved = list(after)
    if not moved:
        return ()
    changes = [
        {
            "task_run_id": str(t.id),
            "slug": t.slug,
            "map_index": t.map_index,
            "state": t.state,
            "version": t.version,
            "message": short_message(t),
        }
        for t in moved[:MAX_CHANGES_IN_EVENT]
    ]
    data = {"flow_run_id": str(flow_run.id), "changes": changes, "count": len(moved)}
    return (Event("task_run.states", flow_run.tenant_id, flow_run.id, data),)


async def write_logs(tx: Transaction, logs: Iterable[tuple[UUID, UUID, list[dict[str, Any]]]], *, once: bool = False) -> None:
    """Store log rows, given as (tenant, flow run, rows) for each flow run, in one statement; and tell of those that were stored.

    Args:
        tx: The transaction.
        logs: The rows.
        once: Whether the call may be one that came before, or comes at this moment; its lines are not stored again.
    """
    made = [
        (tenant, run, [{**row, "id": str(uuid7()), "tenant_id": str(tenant), "flow_run_id": str(run)} for row in rows])
        for tenant, run, rows in logs
    ]
    lines = [line for _, _, rows in made for line in rows]
    if not lines:
        return
    if once:
        await tx.run("lock_replays", ids=[run for _, run, _ in made])
        stored = {str(row["id"]) for row in await tx.all("insert_logs_once", rows=Json(lines))}
        made = [(tenant, run, [line for line in rows if line["id"] in stored]) for tenant, run, rows in made]
    else:
        await tx.run("insert_logs", rows=Json(lines))
    for tenant, run, rows in made:
        if rows:
            data = {"flow_run_id": str(run), "count": len(rows), "last_id": rows[-1]["id"]}
            tx.publish([Event("log.written", tenant, run, data)])


def _flow_row(before: FlowRun, after: FlowRun, agent_id: UUID | None, beat: bool) -> dict[str, Any]:
    return {
        "id": after.id,
        "expected_version": before.version,
        "expected_fence": before.fence,
        "version": after.version,
        "attempt": after.attempt,
        "state": after.state,
        "state_timestamp": after.state_timestamp,
        "state_start_time": state_json.start_time(after.serialized_state),
        "serialized_state": after.serialized_state,
        "start_time": after.start_time,
        "end_time": after.end_time,
        "lives": after.lives,
        "due_at": after.due_at,
        "waiting_for": after.waiting_for,
        "phase": after.phase,
        "lease_holder": after.lease_holder,
        "lease_expires_at": after.lease_expires_at,
        "lease_seconds": after.lease_seconds,
        "launch_deadline": after.launch_deadline,
        "fence": after.fence,
        "engine_sequence": after.engine_sequence,
        "supervisor_sequence": after.supervisor_sequence,
        "holds_slots": after.holds_slots,
        "agent_id": agent_id,
        "beat": beat,
    }


def _task_row(before: TaskRun, after: TaskRun) -> dict[str, Any]:
    return {
        "id": after.id,
        "tenant_id": after.tenant_id,
        "flow_run_id": after.flow_run_id,
        "task_id": after.task_id,
        "map_index": after.map_index,
        "cache_key": after.cache_key,
        "expected_version": before.version,
        "version": after.version,
        "attempt": after.attempt,
        "state": after.state,
        "state_timestamp": after.state_timestamp,
        "state_start_time": state_json.start_time(after.serialized_state),
        "serialized_state": after.serialized_state,
        "start_time": after.start_time,
        "end_time": after.end_time,
    }


def _history_row(row: HistoryRow) -> dict[str, Any]:
    return {
        "id": uuid7(),
        "tenant_id": row.tenant_id,
        "run_id": row.run_id,
        "timestamp": row.timestamp,
        "state": row.state,
        "state_start_time": state_json.start_time(row.serialized_state),
        "version": row.version,
        "attempt": row.attempt,
        "fence": row.fence,
        "actor": row.actor,
        "serialized_state": row.serialized_state,
    }
