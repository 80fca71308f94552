"""What the loops ask and propose: schedules, expired leases, stranded runs. They propose; here it is decided, on the database's clock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from towpath_graphql.app.batch import Batch, Result, failure
from towpath_graphql.app.caller import Caller
from towpath_graphql.app.create_flow_runs import RunRequest, create_in
from towpath_graphql.app.ports import Row, Store, Transaction
from towpath_graphql.app.report_run import take_from_owner
from towpath_graphql.app.storing import lock_flow_runs
from towpath_graphql.domain import state_json
from towpath_graphql.domain.losing import back_off
from towpath_graphql.domain.runs import FlowRun, Origin, Proposal
from towpath_proto import schedules, timers
from towpath_proto.errors import Code, TowpathError

MAX_PAGE = 1_000
MAX_SCHEDULED = 5_000
STRANDED_AGE = timers.SWEEP
"""Seconds for which a run must have been neither offered, owned nor waiting before lazarus looks at it."""


async def schedule_sources(store: Store, caller: Caller, after: UUID | None, limit: int) -> list[Row]:
    """Active schedules, a page by id."""
    async with store.transaction() as tx:
        return await tx.all("schedule_sources", after=after, limit=_page(limit), tenant_id=caller.scope)


async def schedule_flow_runs(store: Store, caller: Caller, runs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Create runs of schedules; one whose slot (flow group, clock, fire time) is taken is left as it is.

    Each answer has a status: SUCCESS, EXISTS or ERROR.
    """
    if len(runs) > MAX_SCHEDULED:
        raise TowpathError(Code.LIMIT_EXCEEDED, f"At most {MAX_SCHEDULED} runs are scheduled in one call; send them in parts.")
    async with store.transaction() as tx:
        in_force = await _clocks_in_force(tx, caller, {r["flow_id"] for r in runs})
        old = [r["clock"] not in in_force.get(r["flow_id"], {r["clock"]}) for r in runs]
        requests = [
            RunRequest(
                flow_id=r["flow_id"],
                parameters=r.get("parameters"),
                labels=r.get("labels"),
                scheduled_start_time=r["fire_time"],
                clock=r["clock"],
            )
            for r, is_old in zip(runs, old, strict=True)
            if not is_old
        ]
        made = iter(await create_in(tx, caller, requests))
    results = [_OLD_CLOCK if is_old else next(made) for is_old in old]
    return [{"status": _slot_status(r), **r} for r in results]


_OLD_CLOCK: dict[str, Any] = {
    "code": str(Code.BAD_SCHEDULE),
    "message": "This clock is not in the flow's schedule (any more); look at its schedule again.",
}


async def _clocks_in_force(tx: Transaction, caller: Caller, flow_ids: Iterable[UUID]) -> dict[UUID, set[str]]:
    """The clocks' keys of each active flow; the flows are locked first, so that a schedule which is being changed is waited for."""
    ids = sorted(flow_ids)
    await tx.run("share_flows", ids=ids, tenant_id=caller.scope)
    rows = await tx.all("schedules_in_force", ids=ids, tenant_id=caller.scope)
    return {r["id"]: {c.key for c in schedules.parse(r["schedule"]).clocks} for r in rows}


def _slot_status(result: dict[str, Any]) -> str:
    if "code" in result:
        return "ERROR"
    return "SUCCESS" if result["created"] else "EXISTS"


@dataclass(frozen=True, slots=True)
class Expired:
    """Owned runs whose lease is over, and when to look again."""

    runs: list[Row]
    next_expiry: datetime | None
    now: datetime
    gate_closed_until: datetime | None


async def expired_leases(store: Store, caller: Caller, limit: int) -> Expired:
    """Expired leases; none while the reap gate is closed. Asking is also the sign that the write path answers."""
    async with store.transaction() as tx:
        gate = await tx.one("answer", gap=timers.BEAT, lease=timers.LEASE)
        assert gate is not None
        runs = [] if gate["closed"] else await tx.all("expired_leases", limit=_page(limit), lease=timers.LEASE, tenant_id=caller.scope)
        upcoming = await tx.one("next_expiry")
    closed = gate["gate_closed_until"] if gate["closed"] else None
    return Expired(runs, upcoming["next_expiry"] if upcoming else None, gate["now"], closed)


async def reap_flow_runs(store: Store, caller: Caller, leases: Sequence[tuple[UUID, int]]) -> list[Result]:
    """Take runs from owners that have gone silent; each is checked again: the gate, the fence, the expiry."""
    _few(leases)
    results: list[Result] = []
    for flow_run_id, fence in leases:  # one transaction a run: a bad one holds up nobody
        try:
            results.append(await _reap(store, caller, flow_run_id, fence))
        except TowpathError as e:
            results.append(failure(e.code, e.message, flow_run_id))
    return results


async def _reap(store: Store, caller: Caller, flow_run_id: UUID, fence: int) -> Result:
    async with store.transaction() as tx:
        run = (await lock_flow_runs(tx, [flow_run_id], caller.scope)).get(flow_run_id)
        if run is None:
            return failure(Code.NOT_FOUND, f"There is no flow run {flow_run_id}.", flow_run_id)
        # a run whose lease is longer (Prefect 1's) gets its own lease period to come back, not only the common one
        gate = await tx.one("gate", more=max(0.0, (run.lease_seconds or 0.0) - timers.LEASE))
        assert gate is not None
        if gate["closed"]:
            until = "the write path has answered for one lease period" if gate["until"] is None else gate["until"].isoformat()
            return failure(Code.REAP_GATE_CLOSED, f"No lease counts as expired before {until}: the write path was away.", flow_run_id)
        now = await tx.now()
        reason = _silence(run, fence, now)
        if reason is None:
            return failure(
                Code.LEASE_ALIVE, f"Flow run {flow_run_id} is not owned under fence {fence}, or its lease is alive.", flow_run_id
            )
        batch = Batch(tx, [run], [], now)
        result = await take_from_owner(batch, tx, run, reason, caller.actor)
        await batch.store()
    return result


def _silence(run: FlowRun, fence: int, now: datetime) -> str | None:
    if run.phase is None or run.fence != fence or run.lease_expires_at is None or not run.watched:
        return None
    if run.launch_deadline is not None and run.launch_deadline <= now:
        return "did not begin before its launch deadline"
    if run.lease_expires_at <= now:
        return "fell silent: its lease expired" if run.phase == "running" else "was claimed, and its agent fell silent before it began"
    return None


async def stranded_flow_runs(store: Store, caller: Caller, limit: int) -> list[Row]:
    """Runs that are neither offered, owned nor waiting."""
    async with store.transaction() as tx:
        return await tx.all("stranded", limit=_page(limit), age=STRANDED_AGE, tenant_id=caller.scope)


async def reoffer_flow_runs(store: Store, caller: Caller, ids: Sequence[UUID]) -> list[Result]:
    """Offer stranded runs again, with a growing pause; fail those whose lives are used up."""
    _few(ids)
    results: dict[UUID, Result] = {}
    async with store.transaction() as tx:
        runs = await lock_flow_runs(tx, ids, caller.scope)
        batch = Batch(tx, runs.values(), [], await tx.now())
        for run in runs.values():
            results[run.id] = _reoffer(batch, run, caller)
        await batch.store()
    return [results.get(i) or failure(Code.NOT_FOUND, f"There is no flow run {i}.", i) for i in ids]


def _reoffer(batch: Batch, run: FlowRun, caller: Caller) -> Result:
    kept = run.state in ("Running", "Submitted") and not run.brought_back
    if kept or run.end_time is not None or run.due_at is not None or run.phase is not None or run.waiting_for is not None:
        return failure(Code.NOT_STRANDED, f"Flow run {run.id} is offered, owned, waiting or ended, or not to be brought back.", run.id)
    if run.state == "Cancelling":
        state = state_json.make("Cancelled", "Cancelled; nobody was running it any more.")
    elif run.lives >= timers.MAX_LIVES:
        state = state_json.make("Failed", f"Nobody offered, owned or waited for this run; its {timers.MAX_LIVES} lives are used.")
    else:
        message = f"Nobody offered, owned or waited for this run; it is offered again (life {run.lives + 1} of {timers.MAX_LIVES})."
        state = state_json.make("Scheduled", message, start_time=batch.now + back_off(run.lives))
    result = batch.flow(run.id, Proposal(state, Origin.SERVICE, actor=caller.actor))
    if result["status"] != "ERROR" and state["type"] == "Scheduled":
        batch.replace_flow(replace(batch.flows[run.id], lives=run.lives + 1))
    return result


def _few(items: Sequence[Any]) -> None:
    if len(items) > MAX_PAGE:
        raise TowpathError(Code.LIMIT_EXCEEDED, f"At most {MAX_PAGE} runs are taken in one call; send them in parts.")


def _page(limit: int) -> int:
    if not 1 <= limit <= MAX_PAGE:
        raise TowpathError(Code.BAD_REQUEST, f"limit must be 1 to {MAX_PAGE}.")
    return limit
