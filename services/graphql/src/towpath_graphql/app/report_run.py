"""Takes a report of a run: states, logs and artifacts in one batch, under the fence of its claim.

* An older fence is refused with FENCED as a whole; nothing of the batch is stored.
* A sequence that was taken before is a replay: nothing is stored again, every item answers REPLAYED.
* Otherwise items are decided one by one; the sequence counts as taken when any item commits, or when there was nothing to refuse.
* A supervisor that reports Failed says that the process is lost: the same decision is made as for an expired lease (domain.losing).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from towpath_graphql.app.artifacts import store_reported
from towpath_graphql.app.batch import Batch, Result, all_refused, failure
from towpath_graphql.app.caller import Caller
from towpath_graphql.app.own_runs import refuse
from towpath_graphql.app.ports import Json, Store, Transaction
from towpath_graphql.app.storing import lock_flow_run, task_run_of, write_logs
from towpath_graphql.app.task_names import Names, named
from towpath_graphql.domain import claiming, sequences, state_json
from towpath_graphql.domain.log_levels import level_of
from towpath_graphql.domain.losing import lose
from towpath_graphql.domain.runs import FlowRun, Origin, Proposal, Reject
from towpath_proto.errors import Code, TowpathError
from towpath_proto.states import RUNNING, is_a, is_final

MAX_ITEMS = 5_000
"""States, logs, and artifacts, in one report."""
LONGEST_REASON = 2_000
"""Characters; the reason is repeated in the state of every task that was running."""
LONGEST_NAME = 500


@dataclass(frozen=True, slots=True)
class Report:
    """A report as it came in; see `report_run_input` in the SDL."""

    flow_run_id: UUID
    fence: int
    reporter: sequences.Reporter
    sequence: int
    states: Sequence[Mapping[str, Any]] = ()
    logs: Sequence[Mapping[str, Any]] = ()
    artifacts: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What the reporter learns."""

    results: list[Result]
    replayed: bool
    cancel: bool
    run: FlowRun
    artifact_results: Sequence[Result] = ()
    limited_tags: Sequence[str] | None = None


async def report_run(store: Store, caller: Caller, report: Report) -> Answer:
    """Take a report; see the module.

    Raises:
        TowpathError: `FENCED`, `NOT_FOUND`, `BAD_REQUEST`, `LIMIT_EXCEEDED`.
    """
    caller.must_own(report.flow_run_id, report.fence)
    if report.sequence < 1:
        raise TowpathError(Code.BAD_REQUEST, "sequence must begin with 1 and grow with each batch.")
    if max(len(report.states), len(report.logs), len(report.artifacts)) > MAX_ITEMS:
        sentence = f"A report takes at most {MAX_ITEMS} states, {MAX_ITEMS} log lines and {MAX_ITEMS} artifacts; send it in parts."
        raise TowpathError(Code.LIMIT_EXCEEDED, sentence)
    async with store.transaction() as tx:
        run = await lock_flow_run(tx, report.flow_run_id, caller.scope)
        if report.fence != run.fence:
            raise refuse(claiming.fenced(run, report.fence))
        if sequences.is_replay(run, report.reporter, report.sequence):
            return Answer(_replayed(report.states), True, run.state == "Cancelling", run, _replayed(report.artifacts))
        names = await named(tx, run, [*report.states, *report.logs, *report.artifacts])
        batch = Batch(tx, [run], names.by_id.values(), await tx.now())
        if report.reporter == "supervisor":
            results = await _lost(batch, tx, names, report, run)
        else:
            results = [_state(batch, names, report, item) for item in report.states]
        artifact_results: list[Result] = []
        nothing_taken = all_refused(results) and not report.logs and not report.artifacts
        if not nothing_taken:
            after = sequences.consumed(batch.flows[run.id], report.reporter, report.sequence)
            if after.phase is not None:
                seconds = after.lease_seconds or 0
                after = replace(after, lease_expires_at=batch.now + timedelta(seconds=seconds))
            batch.replace_flow(after)
            await batch.store(beat=True)
            names.keep_stored(batch)
            await _rename(tx, names, report.states, results)
            await write_logs(tx, [(run.tenant_id, run.id, _log_rows(names, report.logs))])
            artifact_results = await store_reported(tx, run, names.find, report.artifacts)
        after = batch.flows[run.id]
        tags = [row["name"] for row in await tx.all("limited_tags", flow_id=run.flow_id)] if run.tag_limits else []
    return Answer(results, False, after.state == "Cancelling", after, artifact_results, tags)


def _replayed(items: Sequence[Mapping[str, Any]]) -> list[Result]:
    return [{"status": "REPLAYED", "id": None} for _ in items]


def _state(batch: Batch, names: Names, report: Report, item: Mapping[str, Any]) -> Result:
    try:
        state = state_json.read(item.get("state"))
        at = state_json.parse_time(item.get("timestamp"))
        proposal = Proposal(state, Origin.ENGINE, item.get("version"), report.fence, actor="run", at=at)
        if item.get("task_run_id") is None and item.get("slug") is None:
            return batch.flow(report.flow_run_id, proposal)
        found = names.find(item)
        if found is None:
            name = item.get("task_run_id") or item.get("slug")
            return failure(Code.UNKNOWN_TASK, f"Flow run {report.flow_run_id} has no task {name!r}; register the flow again.", name)
        return batch.task(found.id, proposal)
    except TowpathError as e:
        return failure(e.code, e.message, item.get("task_run_id") or item.get("slug"))


async def _lost(batch: Batch, tx: Transaction, names: Names, report: Report, run: FlowRun) -> list[Result]:
    """The supervisor's word: the process ended without a final state of its own; first, which task runs died with it."""
    results: list[Result] = []
    for item in report.states:
        state = state_json.read(item.get("state"))
        current = batch.flows[run.id]
        if item.get("task_run_id") is not None or item.get("slug") is not None:
            results.append(_died_with_it(batch, names, report, item))
        elif current.fence != report.fence or is_final(current.state):  # an item before this one has given the run up
            results.append({"status": "SUCCESS", "id": str(run.id), "version": current.version})
        elif is_a(state["type"], "Failed"):
            results.append(await take_from_owner(batch, tx, current, str(state.get("message") or "ended"), "supervisor"))
        else:
            results.append(batch.flow(run.id, Proposal(state, Origin.SUPERVISOR, fence=report.fence, actor="supervisor")))
    return results


def _died_with_it(batch: Batch, names: Names, report: Report, item: Mapping[str, Any]) -> Result:
    """A task run was running when the process was lost, and the engine's own report of that may have been lost with it.

    Without this a task that kills its process at once would look as if it had never begun, and would run again without a retry of its own.
    """
    found = names.find(item)
    if found is None or item["state"]["type"] != "Running":
        return failure(Code.BAD_REQUEST, "Of task runs a supervisor reports only that they were Running when the process was lost.")
    current = batch.tasks[found.id]
    if current.state in RUNNING:
        return {"status": "SUCCESS", "id": str(found.id), "version": current.version}
    begun = Proposal(
        item["state"], Origin.SUPERVISOR, fence=report.fence, actor="supervisor", at=state_json.parse_time(item.get("timestamp"))
    )
    if batch.flows[found.flow_run_id].state == "Submitted":
        batch.flow(found.flow_run_id, begun)
    return batch.task(found.id, begun)


async def take_from_owner(batch: Batch, tx: Transaction, run: FlowRun, reason: str, actor: str) -> Result:
    """Apply the decision on a lost process (also used for expired leases)."""
    for row in await tx.all("active_tasks", flow_run_ids=[run.id]):
        batch.adopt(task_run_of(row))
    tasks = [t for t in batch.tasks.values() if t.flow_run_id == run.id and t.end_time is None]
    decision = lose(run, tasks, reason=reason[:LONGEST_REASON], actor=actor, now=batch.now)
    if isinstance(decision, Reject):
        return failure(decision.code, decision.message, run.id)
    for accepted in decision.tasks:
        batch.accept_task(accepted.run, accepted.history)
    result = batch.accept_flow(decision.flow)
    line = {"level": "ERROR", "name": f"towpath.{actor}", "message": decision.log}
    await write_logs(tx, [(run.tenant_id, run.id, [line])])
    return result


def _log_rows(names: Names, logs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for item in logs:
        task = names.find(item)
        rows.append(
            {
                "task_run_id": None if task is None else str(task.id),
                "timestamp": state_json.parse_time(item.get("timestamp")),
                "level": level_of(item.get("level")),
                "name": item.get("name"),
                "message": None if item.get("message") is None else str(item["message"]),
                "info": item.get("info"),
            }
        )
    return rows


async def _rename(tx: Transaction, names: Names, states: Sequence[Mapping[str, Any]], results: Sequence[Result]) -> None:
    rows = {
        task.id: {"id": task.id, "name": name[:LONGEST_NAME]}
        for item, result in zip(states, results, strict=True)
        if isinstance(name := item.get("name"), str) and result["status"] != "ERROR" and (task := names.find(item)) is not None
    }
    if rows:
        await tx.run("name_task_runs", rows=Json(list(rows.values())), tenant_id=names.flow_run.tenant_id)
