"""Decides on a list of proposals for flow runs and task runs in order, and stores what was accepted, set-wise.

Several proposals may concern one run (Running and Success of one task in one report): each is decided on what the one before left. A
refused proposal does not stop the others; every item has its own answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from towpath_graphql.app.ports import Transaction
from towpath_graphql.app.storing import (
    append_history,
    flow_run_of,
    store_flow_runs,
    store_task_runs,
    task_event,
    task_run_of,
)
from towpath_graphql.domain import state_json
from towpath_graphql.domain.decide import decide_flow, decide_task, wake
from towpath_graphql.domain.runs import AcceptFlow, FlowRun, HistoryRow, Origin, Proposal, Reject, TaskRun
from towpath_proto.errors import Code
from towpath_proto.states import is_final

Result = dict[str, Any]
"""{status, id, version} or {status: ERROR, id, code, message, story}."""


class Batch:
    """Runs under decision within one transaction.

    Args:
        tx: The transaction that locked the runs.
        flows: Locked flow runs.
        tasks: Locked task runs (and ones about to be made).
        now: The transaction's time.
    """

    def __init__(self, tx: Transaction, flows: Iterable[FlowRun], tasks: Iterable[TaskRun], now: datetime) -> None:
        self._tx = tx
        self._now = now
        self._flows_before = {f.id: f for f in flows}
        self._tasks_before = {t.id: t for t in tasks}
        self.flows = dict(self._flows_before)
        self.tasks = dict(self._tasks_before)
        self._flow_history: list[HistoryRow] = []
        self._task_history: list[HistoryRow] = []
        self._cancel: list[tuple[UUID, str | None]] = []
        self._touched_flows: set[UUID] = set()
        self._stopped: dict[UUID, str | None] = {}
        self._below: set[UUID] = set()

    @property
    def now(self) -> datetime:
        """The transaction's time."""
        return self._now

    def flow(self, run_id: UUID, proposal: Proposal) -> Result:
        """Decide on a flow run."""
        decision = decide_flow(self.flows[run_id], proposal, self._now)
        return self.accept_flow(decision) if isinstance(decision, AcceptFlow) else rejected(decision, run_id)

    def accept_flow(self, decision: AcceptFlow) -> Result:
        """Take a decision that was made elsewhere in the domain."""
        run = decision.run
        self.flows[run.id] = run
        self._touched_flows.add(run.id)
        if decision.history is not None:
            self._flow_history.append(decision.history)
            self._tx.publish(decision.events)
            if run.state in ("Cancelling", "Cancelled"):
                self._stopped[run.id] = decision.history.actor
        if decision.cancel_tasks:
            self._cancel.append((run.id, decision.history.actor if decision.history else None))
        return {"status": "QUEUED" if run.state == "Queued" else "SUCCESS", "id": str(run.id), "version": run.version}

    def replace_flow(self, run: FlowRun) -> None:
        """Change a flow run without a state of its own (lease, sequence)."""
        self.flows[run.id] = run
        self._touched_flows.add(run.id)

    def task(self, run_id: UUID, proposal: Proposal) -> Result:
        """Decide on a task run."""
        run = self.tasks[run_id]
        decision = decide_task(run, self.flows[run.flow_run_id], proposal, self._now)
        if isinstance(decision, Reject):
            return rejected(decision, run_id)
        if decision.history is not None and (woken := wake(self.flows[run.flow_run_id], decision.run, proposal.actor, self._now)):
            self.flow(run.flow_run_id, woken)
        return self.accept_task(decision.run, decision.history)

    def accept_task(self, run: TaskRun, history: HistoryRow | None) -> Result:
        """Take a decision that was made elsewhere in the domain."""
        self.tasks[run.id] = run
        if history is not None:
            self._task_history.append(history)
        return {"status": "QUEUED" if run.state == "Queued" else "SUCCESS", "id": str(run.id), "version": run.version}

    def adopt(self, run: TaskRun) -> None:
        """Take a task run in that was locked after the batch began; one that is known keeps what was decided on it."""
        if run.id not in self._tasks_before:
            self._tasks_before[run.id] = self.tasks[run.id] = run

    async def _cancel_open_tasks(self) -> None:
        """Cancel what is still open in the flow runs that were cancelled."""
        actors = dict(self._cancel)
        state = state_json.make("Cancelled", "The flow run was cancelled.")
        for row in await self._tx.all("lock_unfinished_task_runs", flow_run_ids=sorted(actors)):
            self.adopt(task_run_of(row))
            task = self.tasks[row["id"]]
            if not is_final(task.state):
                self.task(task.id, Proposal(state, Origin.SERVICE, actor=actors[task.flow_run_id]))

    async def _cancel_children(self) -> None:
        """Cancel the runs below those that were cancelled, where they were made to be cancelled with their parent."""
        above = dict(self._stopped)
        for row in await self._tx.all("lock_descendants", ids=sorted(above)):
            run = flow_run_of(row)
            if run.id in self.flows:
                continue
            self._flows_before[run.id] = self.flows[run.id] = run
            self._below.add(run.id)
            actor = above.get(run.parent_flow_run_id) if run.parent_flow_run_id else None
            above[run.id] = actor
            state = state_json.make(run.stopped_as(self._now), f"Cancelled with its parent, flow run {run.parent_flow_run_id}.")
            self.flow(run.id, Proposal(state, Origin.CLIENT, actor=actor))

    async def store(self, *, agent_id: UUID | None = None, beat: bool = False) -> None:
        """Write everything that was accepted."""
        if self._stopped:
            await self._cancel_children()
        if self._cancel:
            await self._cancel_open_tasks()
        changed_flows = [self.flows[i] for i in sorted(self._touched_flows - self._below)]
        below = [self.flows[i] for i in sorted(self._touched_flows & self._below)]
        changed_tasks = [t for i, t in self.tasks.items() if t is not self._tasks_before[i]]
        await store_flow_runs(self._tx, self._flows_before, changed_flows, agent_id=agent_id, beat=beat)
        await store_flow_runs(self._tx, self._flows_before, below)
        await store_task_runs(self._tx, self._tasks_before, changed_tasks)
        await append_history(self._tx, self._flow_history, self._task_history)
        by_flow: dict[UUID, list[TaskRun]] = {}
        for task in changed_tasks:
            by_flow.setdefault(task.flow_run_id, []).append(task)
        for flow_run_id, moved in by_flow.items():
            self._tx.publish(task_event(self.flows[flow_run_id], moved))


def rejected(decision: Reject, run_id: UUID | str) -> Result:
    """A refusal as an answer's item."""
    return {"status": "ERROR", "id": str(run_id), "code": str(decision.code), "message": decision.message, "story": decision.story}


def failure(code: Code, message: str, run_id: UUID | str | None = None) -> Result:
    """An item that could not even be decided on."""
    return {"status": "ERROR", "id": None if run_id is None else str(run_id), "code": str(code), "message": message}


def all_refused(results: Sequence[Result]) -> bool:
    """Whether nothing of a batch was taken."""
    return bool(results) and all(r["status"] == "ERROR" for r in results)
