"""Owning a claimed run: begin it, renew its lease, give it back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from towpath_graphql.app.batch import Batch
from towpath_graphql.app.caller import RUN, Caller
from towpath_graphql.app.ports import Row, Store
from towpath_graphql.app.storing import lock_flow_run, must_hold, write_logs
from towpath_graphql.domain import claiming
from towpath_graphql.domain.runs import Reject
from towpath_proto import timers
from towpath_proto.errors import Code, TowpathError

LONGEST_REASON = 2_000
MAX_LEASES = 5_000


def refuse(decision: Reject) -> TowpathError:
    """A refusal as an error."""
    return TowpathError(decision.code, decision.message, **decision.story)


async def begin_run(
    store: Store, caller: Caller, *, flow_run_id: UUID, fence: int, holder: str, known_code: Sequence[str]
) -> dict[str, Any]:
    """Move the lease to the run's supervisor; everything that the run's process needs.

    Raises:
        TowpathError: `FENCED` when the claim is over, `NOT_FOUND`, `ILLEGAL_TRANSITION` for a run that has ended.
    """
    caller.must_own(flow_run_id, fence)
    async with store.transaction() as tx:
        run = await lock_flow_run(tx, flow_run_id, caller.scope)
        begun = claiming.begin(run, fence=fence, holder=holder, now=await tx.now())
        if isinstance(begun, Reject):
            raise refuse(begun)
        batch = Batch(tx, [run], [], await tx.now())
        batch.replace_flow(begun)
        await batch.store(beat=True)
        details = await tx.one("flow_run_details", id=flow_run_id)
        assert details is not None
        tasks = await tx.all("task_run_records", flow_run_id=flow_run_id)
        tags = [row["name"] for row in await tx.all("limited_tags", flow_id=run.flow_id)] if run.tag_limits else []
        code = await tx.one("flow_code", id=run.flow_id, tenant_id=run.tenant_id) if details["code_hash"] else None
    return {
        "run": details,
        "code": code_answer(code, known_code) if code else None,
        "task_runs": tasks,
        "limited_tags": tags,
        "lease_expires_at": begun.lease_expires_at,
        "lease": timers.LEASE,
    }


async def flow_code(store: Store, caller: Caller, flow_id: UUID) -> dict[str, Any] | None:
    """The signed code of a flow; a run's token opens that of its own flow only.

    Raises:
        TowpathError: `FORBIDDEN` for another flow than the run's own, `FENCED` when its claim is over.
    """
    async with store.transaction() as tx:
        await must_hold(tx, caller)
        if caller.role == RUN:
            mine = await tx.one("flow_run_details", id=caller.run_id)
            if mine is None or mine["flow_id"] != flow_id:
                raise TowpathError(Code.FORBIDDEN, "A run's token opens the code of its own flow only.", flow_id=str(flow_id))
        row = await tx.one("flow_code", id=flow_id, tenant_id=caller.scope)
    return None if row is None else code_answer(row, ())


def code_answer(row: Row, known: Sequence[str]) -> dict[str, Any]:
    """Flow code as the SDL's `flow_code`; the blob is left out when the caller has it."""
    return {
        "hash": row["code_hash"],
        "blob": None if row["code_hash"] in known else row["blob"],
        "signature": row["code_signature"],
        "key_id": row["code_key_id"],
        "public_key": row["public_key"],
        "info": row["code_info"],
    }


async def renew_leases(store: Store, caller: Caller, leases: Sequence[tuple[UUID, int]]) -> list[dict[str, Any]]:
    """Renew many leases in one statement; an answer per lease, in order."""
    if len(leases) > MAX_LEASES:
        raise TowpathError(Code.LIMIT_EXCEEDED, f"At most {MAX_LEASES} leases are renewed in one call; send them in parts.")
    for flow_run_id, fence in leases:
        caller.must_own(flow_run_id, fence)
    async with store.transaction() as tx:
        rows = await tx.all("renew_leases", ids=[i for i, _ in leases], fences=[f for _, f in leases], tenant_id=caller.scope)
    by_lease = {(r["id"], r["fence"]): r for r in rows}
    return [_renewed(lease[0], by_lease[lease]) for lease in leases]


def _renewed(flow_run_id: UUID, row: Row) -> dict[str, Any]:
    if row["renewed"]:
        return {
            "flow_run_id": str(flow_run_id),
            "status": "OK",
            "phase": row["phase"],
            "cancel": row["state"] == "Cancelling",
            "expires_at": row["lease_expires_at"].isoformat(),
        }
    status = "NOT_FOUND" if not row["found"] else "FINISHED" if row["ended"] else "FENCED"
    return {"flow_run_id": str(flow_run_id), "status": status, "cancel": status == "FENCED", "expires_at": None}


async def release_run(store: Store, caller: Caller, *, flow_run_id: UUID, fence: int, reason: str) -> None:
    """An agent cannot start a run that it has claimed: back to the queue, with the reason in the run's log.

    Raises:
        TowpathError: `FENCED`, `NOT_FOUND`.
    """
    caller.must_own(flow_run_id, fence)
    reason = reason[:LONGEST_REASON]
    async with store.transaction() as tx:
        run = await lock_flow_run(tx, flow_run_id, caller.scope)
        batch = Batch(tx, [run], [], await tx.now())
        decision = claiming.release(run, fence=fence, reason=reason, actor=caller.actor, now=batch.now)
        if isinstance(decision, Reject):
            raise refuse(decision)
        batch.accept_flow(decision)
        await batch.store()
        line = {"level": "ERROR", "name": "towpath.agent", "message": f"{run.lease_holder} could not start the run: {reason}"}
        await write_logs(tx, [(run.tenant_id, run.id, [line])])
