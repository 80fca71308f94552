"""Slots of concurrency limits, taken and given back in the transaction of the states they belong to.

Locks go after those of task runs: the limits by id. Under them the slots are counted by a statement of its own: one that waits for a lock
would count what there was before it waited.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from towpath_graphql.app.ports import Json, Transaction
from towpath_graphql.domain.runs import Event, FlowRun, TaskRun
from towpath_graphql.domain.slots import HOLDING, Key, Limit, Line, Place
from towpath_proto.ids import uuid7

NOBODY = Line({}, {}, {})
"""Where no limit is asked for."""


def key_of(run: FlowRun | TaskRun) -> Key:
    """Who a run is in a line."""
    return (run.flow_run_id, run.id) if isinstance(run, TaskRun) else (run.id, None)


async def lock_line(tx: Transaction, *, flow_runs: Iterable[FlowRun] = (), task_runs: Iterable[TaskRun] = ()) -> Line:
    """Lock the limits that these runs come under, and see who holds and waits for what. The runs themselves are locked already."""
    flows, tasks = [f for f in flow_runs if f.label_limits], list(task_runs)
    if not flows and not tasks:
        return NOBODY
    rows = await tx.all("limits_of_runs", task_ids=sorted({t.task_id for t in tasks}), flow_run_ids=sorted(f.id for f in flows))
    of: dict[UUID, tuple[UUID, ...]] = {}
    for row in rows:
        of[row["of"]] = (*of.get(row["of"], ()), row["limit_id"])
    needs = {key_of(f): of[f.id] for f in flows if f.id in of} | {key_of(t): of[t.task_id] for t in tasks if t.task_id in of}
    if not needs:
        return NOBODY
    ids = sorted({i for wanted in needs.values() for i in wanted})
    limits = await tx.all("lock_limits", ids=ids)
    use = {row["limit_id"]: row for row in await tx.all("use_of_limits", ids=ids)}
    places = await tx.all("places_in_lines", ids=ids, flow_run_ids=sorted({flow for flow, _ in needs}))
    locked = {
        r["id"]: Limit(r["id"], r["kind"], r["name"], r["slot_limit"], use[r["id"]]["held"], use[r["id"]]["line"])
        if r["id"] in use
        else Limit(r["id"], r["kind"], r["name"], r["slot_limit"])
        for r in limits
    }
    return Line(
        locked,
        {key: kept for key, wanted in needs.items() if (kept := tuple(i for i in wanted if i in locked))},  # one may just be deleted
        {((r["flow_run_id"], r["task_run_id"]), r["limit_id"]): Place(r["held"], r["ahead"]) for r in places},
    )


def keeps_slots(run: TaskRun) -> bool:
    """Whether a task run in its state keeps its slots, and its place in the line."""
    return run.state in HOLDING


async def take(tx: Transaction, line: Line, tenants: dict[UUID, UUID], staying: Iterable[Key]) -> None:
    """Write down what was decided in a line, for those who are still in it; their rows exist by now.

    Args:
        tx: The transaction that locked the line.
        line: What was decided.
        tenants: By flow run.
        staying: Who has a slot or waits for one at the end of the transaction.
    """
    rows: list[dict[str, Any]] = [
        {
            "id": uuid7(),
            "tenant_id": tenants[key[0]],
            "limit_id": i,
            "flow_run_id": key[0],
            "task_run_id": key[1],
            "held": line.granted[key],
        }
        for key in staying
        if key in line.granted
        for i in line.needs[key]
    ]
    if rows:
        await tx.run("take_slots", rows=Json(rows))


async def give_back(tx: Transaction, *, flow_run_ids: Sequence[UUID], task_run_ids: Sequence[UUID]) -> None:
    """Free all slots and places of these runs, and tell agents of runs that may begin instead."""
    freed = await tx.all("give_back_slots", flow_run_ids=sorted(flow_run_ids), task_run_ids=sorted(task_run_ids))
    await tell_agents(tx, [row["limit_id"] for row in freed])


async def tell_agents(tx: Transaction, limit_ids: Sequence[UUID]) -> None:
    """Tell agents of the due runs that waited for a slot of these limits; those on tags concern no agent."""
    if not limit_ids:
        return
    for row in await tx.all("due_behind_limits", ids=sorted(set(limit_ids)), each=len(limit_ids)):
        due = {"due": row["due_at"].isoformat(), "labels": row["labels"], "run_config_type": row["run_config_type"]}
        tx.publish([Event("flow_run.offered", row["tenant_id"], row["id"], {"flow_run_id": str(row["id"]), **due})])
