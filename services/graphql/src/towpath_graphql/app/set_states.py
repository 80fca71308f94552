"""Sets states of flow runs and task runs on request of Prefect 1 clients and of people: no fence, guarded by version and state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from towpath_graphql.app.batch import Batch, Result, failure
from towpath_graphql.app.caller import RUN, Caller
from towpath_graphql.app.gathering import Gathering
from towpath_graphql.app.ports import Store, Transaction
from towpath_graphql.app.slots import lock_line
from towpath_graphql.app.storing import lock_flow_runs, lock_task_runs, must_hold, see_task_runs, task_run_of
from towpath_graphql.domain import state_json
from towpath_graphql.domain.runs import FlowRun, Origin, Proposal
from towpath_graphql.domain.slots import Line
from towpath_proto import timers
from towpath_proto.errors import Code, TowpathError
from towpath_proto.states import is_a, is_final


@dataclass(frozen=True, slots=True)
class StateRequest:
    """A wish for one state: of a flow run or of a task run."""

    state: Any
    flow_run_id: UUID | None = None
    task_run_id: UUID | None = None
    version: int | None = None


_BEGINS = ("Submitted", "Running")
Setting = Gathering[Caller, Sequence[StateRequest], list[Result]]
"""Calls of set_states, gathered."""


async def set_gathered(store: Store, caller: Caller, calls: Sequence[Sequence[StateRequest]]) -> list[list[Result]]:
    """Several calls in one transaction, as if they had come one after the other; the answers of each."""
    answers = iter(await set_states(store, caller, [request for call in calls for request in call]))
    return [[next(answers) for _ in call] for call in calls]


async def set_states(store: Store, caller: Caller, requests: Sequence[StateRequest]) -> list[Result]:
    """Decide on each request in order; an answer per item."""
    if (results := await _set_seen(store, caller, requests)) is not None:
        return results
    async with store.transaction() as tx:
        task_ids = [r.task_run_id for r in requests if r.task_run_id]
        named = [r.flow_run_id for r in requests if r.flow_run_id]
        if task_ids:
            flows, tasks = await lock_task_runs(tx, task_ids, caller.scope, flow_run_ids=named)
        else:
            flows, tasks = await lock_flow_runs(tx, named, caller.scope), []
        batch = Batch(tx, flows.values(), tasks, await tx.now())
        batch.line = await _line(tx, batch, requests)
        foreign = await _foreign(tx, caller, requests)
        results = [foreign.get(r.flow_run_id) or _one(batch, caller, r) for r in requests]
        await batch.store(agent_id=caller.agent_id, beat=True)
    return results


async def _set_seen(store: Store, caller: Caller, requests: Sequence[StateRequest]) -> list[Result] | None:
    """The short way for task runs: look, decide, and store in one statement if nothing has moved meanwhile.

    These are two trips to the database instead of four.

    Returns:
        The answers if all are accepted and stored; None if the long way has to be gone. Refusals are made there, under locks: what is on
        its way to the database by another call may be just what they lack.
    """
    ids = [r.task_run_id for r in requests if r.task_run_id]
    if len(ids) != len(requests):
        return None
    async with store.statements() as tx:
        flows, tasks = await see_task_runs(tx, ids, caller.scope)
        batch = Batch(tx, flows.values(), tasks, await tx.now())
        results = [_one(batch, caller, r) for r in requests]
        if any(r["status"] == "ERROR" for r in results) or not await batch.store_seen():
            return None
    return results


async def _line(tx: Transaction, batch: Batch, requests: Sequence[StateRequest]) -> Line:
    """Who wants to run asks for slots first; where there are no limits, nobody does."""
    beginning = {r.task_run_id or r.flow_run_id for r in requests if isinstance(r.state, dict) and r.state.get("type") in _BEGINS}
    if not any(t.id in beginning and batch.flows[t.flow_run_id].tag_limits for t in batch.tasks.values()):
        return await lock_line(tx, flow_runs=[f for f in batch.flows.values() if f.id in beginning])
    return await lock_line(tx, flow_runs=[f for f in batch.flows.values() if f.id in beginning], task_runs=batch.tasks.values())


async def _foreign(tx: Transaction, caller: Caller, requests: Sequence[StateRequest]) -> dict[UUID | None, Result]:
    """Refusals of runs that a Prefect 1 client wants to begin and cannot: it would find no code that it can load."""
    wanted = [r.flow_run_id for r in requests if r.flow_run_id and isinstance(r.state, dict) and r.state.get("type") in _BEGINS]
    if not wanted or caller.core_version is None:
        return {}
    refused: dict[UUID | None, Result] = {}
    for row in await tx.all("native_flow_runs", ids=wanted, tenant_id=caller.scope):
        message = (
            f"State update failed for flow run {row['id']}: Towpath has registered its flow, and prefect {caller.core_version} cannot load "
            "the code; an agent of Towpath must run it: towpath agent local start."
        )
        refused[row["id"]] = failure(Code.NOT_OWNED, message, row["id"])
    return refused


def _one(batch: Batch, caller: Caller, request: StateRequest) -> Result:
    run_id = request.flow_run_id or request.task_run_id
    if run_id is None or (request.flow_run_id and request.task_run_id):
        return failure(Code.BAD_REQUEST, "Give exactly one of flow_run_id and task_run_id.")
    # a run's token is bound to its claim, so its writes are held against the fence as reports are
    origin, lease = (Origin.ENGINE, None) if caller.role == RUN else (Origin.CLIENT, timers.LEASE_PREFECT1)
    try:
        state = state_json.read(request.state)
        if request.flow_run_id is not None:
            if request.flow_run_id not in batch.flows:
                return failure(Code.NOT_FOUND, f"State update failed for flow run {run_id}: there is no such flow run.", run_id)
            caller.must_own(request.flow_run_id)
            actor = f"agent {caller.agent_id}" if caller.agent_id else caller.actor
            proposal = Proposal(state, origin, request.version, caller.fence, actor=actor, lease_seconds=lease)
            return batch.flow(request.flow_run_id, proposal)
        task = batch.tasks.get(run_id)
        if task is None:
            return failure(Code.NOT_FOUND, f"State update failed for task run {run_id}: there is no such task run.", run_id)
        caller.must_own(task.flow_run_id)
        return batch.task(run_id, Proposal(state, origin, request.version, caller.fence, actor=caller.actor))
    except TowpathError as e:
        return failure(e.code, e.message, run_id)


async def cancel_flow_run(store: Store, caller: Caller, flow_run_id: UUID) -> str:
    """Running becomes Cancelling, what has not begun becomes Cancelled, what has ended stays; the state it is in then."""
    async with store.transaction() as tx:
        await must_hold(tx, caller)
        run = await _reached(tx, caller, flow_run_id)
        batch = Batch(tx, [run], [], await tx.now())
        if run.end_time is None and run.state != "Cancelling":
            state = state_json.make(run.stopped_as(batch.now), f"Cancelled by {caller.actor}.")
            result = batch.flow(flow_run_id, Proposal(state, Origin.CLIENT, actor=caller.actor))
            if result["status"] == "ERROR":
                raise TowpathError(Code(result["code"]), result["message"], **result.get("story", {}))
            await batch.store()
        return batch.flows[flow_run_id].state


async def _reached(tx: Transaction, caller: Caller, flow_run_id: UUID) -> FlowRun:
    run = (await lock_flow_runs(tx, [flow_run_id], caller.scope)).get(flow_run_id)
    if run is None:
        raise TowpathError(Code.NOT_FOUND, f"There is no flow run {flow_run_id}.")
    caller.must_reach(run.id, run.parent_flow_run_id)
    return run


async def restart_flow_run(store: Store, caller: Caller, flow_run_id: UUID) -> None:
    """Begin the next attempt: what failed is to run again, what succeeded stays. A run that waits to run is left as it is (a replay).

    Raises:
        TowpathError: `NOT_FOUND`; `ILLEGAL_TRANSITION` for a run that has not failed or been cancelled.
    """
    async with store.transaction() as tx:
        await must_hold(tx, caller)
        run = await _reached(tx, caller, flow_run_id)
        current = run.state
        if is_a(current, "Scheduled"):
            return
        if not is_a(current, "Failed", "Cancelled"):
            advice = "create a new run" if is_final(current) else "cancel it first, or let it end"
            message = f"Only a failed or cancelled run can be restarted; flow run {flow_run_id} is {current}: {advice}."
            raise TowpathError(Code.ILLEGAL_TRANSITION, message, run_id=str(flow_run_id), state=current)
        tasks = [task_run_of(r) for r in await tx.all("lock_failed_task_runs", flow_run_id=flow_run_id)]
        batch = Batch(tx, [run], tasks, await tx.now())
        state = state_json.make("Scheduled", f"Restarted by {caller.actor}.", start_time=batch.now)
        result = batch.flow(flow_run_id, Proposal(state, Origin.CLIENT, actor=caller.actor))
        if result["status"] == "ERROR":
            raise TowpathError(Code(result["code"]), result["message"], **result.get("story", {}))
        pending = state_json.make("Pending", "To be run again: the flow run was restarted.")
        for task in tasks:
            batch.task(task.id, Proposal(pending, Origin.SERVICE, actor=caller.actor))
        await batch.store()
