"""Concurrency limits: set and deleted by people, asked for by the process of a native run before its tasks run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from towpath_graphql.app import slots
from towpath_graphql.app.audit import note
from towpath_graphql.app.caller import Caller
from towpath_graphql.app.own_runs import refuse
from towpath_graphql.app.ports import Row, Store, Transaction
from towpath_graphql.app.storing import lock_flow_run, store_flow_runs, store_task_runs
from towpath_graphql.app.task_names import named
from towpath_graphql.domain import claiming
from towpath_graphql.domain.runs import TaskRun
from towpath_graphql.domain.slots import FLOW_LABEL, TASK_TAG, Line, waiting_for
from towpath_proto import timers
from towpath_proto.errors import Code, TowpathError
from towpath_proto.ids import uuid7
from towpath_proto.states import is_final

MAX_SIZE = 2**31 - 1
LONGEST_NAME = 255
MAX_ASKED = 500
"""Task runs of one request for slots."""

ASKS_SLOWLY = 5
"""Places in a line from which on `timers.ASK_AGAIN` holds in full."""
_ACTIONS = {TASK_TAG: "task_tag_limit", FLOW_LABEL: "flow_concurrency_limit"}


async def set_limit(store: Store, caller: Caller, kind: str, *, name: str, size: int) -> UUID:
    """Make or change a limit; its id, which stays. What runs already keeps its slots, and is counted.

    Raises:
        TowpathError: `BAD_REQUEST` for a name or a size out of bounds.
    """
    if not name.strip() or len(name) > LONGEST_NAME or "\0" in name:
        raise TowpathError(Code.BAD_REQUEST, f"A limit is on a tag or label of 1 to {LONGEST_NAME} characters.")
    if not 0 <= size <= MAX_SIZE:
        raise TowpathError(Code.BAD_REQUEST, f"A limit is a number from 0 (nothing may run) to {MAX_SIZE}; to lift it, delete it.")
    tenant = caller.tenant()
    async with store.transaction() as tx:
        running = await _running(tx, tenant, kind, name)  # runs are locked before limits, here as everywhere
        row = await tx.one("store_limit", id=uuid7(), tenant_id=tenant, kind=kind, name=name, size=size)
        assert row is not None
        limit_id: UUID = row["id"]
        if row["created"] and running:
            held = {"ids": [uuid7() for _ in running], "flow_run_ids": [r["id"] for r in running]}
            await tx.run("count_as_held", tenant_id=tenant, limit_id=limit_id, task_run_ids=[r["task_run_id"] for r in running], **held)
        await note(tx, caller, f"update_{_ACTIONS[kind]}", "concurrency_limit", limit_id, name=name, limit=size)
        await slots.tell_agents(tx, [limit_id])  # there may be more room than before
    return limit_id


async def _running(tx: Transaction, tenant: UUID, kind: str, name: str) -> list[Row]:
    if kind == FLOW_LABEL:
        return await tx.all("lock_owned_under_label", tenant_id=tenant, name=name)
    owned = await tx.all("lock_owned_under_tag", tenant_id=tenant, name=name)
    return await tx.all("running_under_tag", ids=[r["id"] for r in owned], name=name) if owned else []


async def delete_limit(store: Store, caller: Caller, kind: str, limit_id: UUID) -> None:
    """Lift a limit; those who wait for it go on when they ask again.

    Raises:
        TowpathError: `NOT_FOUND`.
    """
    async with store.transaction() as tx:
        await slots.tell_agents(tx, [limit_id])  # while it is still there; for another tenant's, all of this is rolled back
        row = await tx.one("delete_limit", id=limit_id, tenant_id=caller.tenant(), kind=kind)
        if row is None:
            raise TowpathError(Code.NOT_FOUND, f"There is no such limit: {limit_id}.")
        await note(tx, caller, f"delete_{_ACTIONS[kind]}", "concurrency_limit", limit_id, name=row["name"])


async def request_slots(
    store: Store, caller: Caller, *, flow_run_id: UUID, fence: int, tasks: Sequence[Mapping[str, Any]], most: int | None = None
) -> dict[str, Any]:
    """Give slots to task runs that are about to run, all that each of them needs or none; to no more than `most` of them.

    Raises:
        TowpathError: `FENCED`, `NOT_FOUND`, `LIMIT_EXCEEDED`.
    """
    caller.must_own(flow_run_id, fence)
    if len(tasks) > MAX_ASKED:
        raise TowpathError(Code.LIMIT_EXCEEDED, f"At most {MAX_ASKED} task runs ask for slots in one call; ask for them in parts.")
    async with store.transaction() as tx:
        run = await lock_flow_run(tx, flow_run_id, caller.scope)
        if fence != run.fence or run.phase is None:
            raise refuse(claiming.fenced(run, fence))
        names = await named(tx, run, tasks)
        line = await slots.lock_line(tx, task_runs=names.by_id.values())
        found = [(item, names.find(item)) for item in tasks]
        results: list[dict[str, Any]] = []
        for item, task in found:
            enough = most is not None and sum(r["status"] == "GRANTED" for r in results) >= most
            results.append(_asked(line, item, task, enough=enough))
        if line.granted:
            asking = {task.id: task for _, task in found if task is not None and slots.key_of(task) in line.granted}
            await store_task_runs(tx, asking, [t for t in asking.values() if not t.stored])
            await store_flow_runs(tx, {run.id: run}, [replace(run, holds_slots=True)], beat=True)
            await slots.take(tx, line, {run.id: run.tenant_id}, list(line.granted))
    waits = any(r["status"] == "WAITING" for r in results)
    # who is near the front of a line asks sooner, so that a slot does not lie idle; there are few of those, however many wait
    ends = min((line.ends_before(key) for key, granted in line.granted.items() if not granted), default=ASKS_SLOWLY)
    retry_after = timers.ASK_AGAIN * min(ends, ASKS_SLOWLY) / ASKS_SLOWLY
    return {"results": results, "retry_after": retry_after if waits else None, "cancel": run.state == "Cancelling"}


def _asked(line: Line, item: Mapping[str, Any], task: TaskRun | None, *, enough: bool) -> dict[str, Any]:
    if task is None:
        name = item.get("task_run_id") or item.get("slug")
        return {"status": "ERROR", "id": None, "code": Code.UNKNOWN_TASK, "message": f"The flow run has no task {name!r}."}
    if is_final(task.state) and task.state not in ("Looped", "Mapped"):
        message = f"Task run {task.id} has ended ({task.state}); report what comes after that first."
        return {"status": "ERROR", "id": str(task.id), "code": Code.ILLEGAL_TRANSITION, "message": message}
    if enough:
        return {"status": "WAITING", "id": str(task.id), "message": None}
    missing = line.ask(slots.key_of(task), goes_on=task.state in ("Running", "Cancelling", "Looped"))
    if missing:
        return {"status": "WAITING", "id": str(task.id), "message": waiting_for(missing)}
    return {"status": "GRANTED", "id": str(task.id), "message": None}
