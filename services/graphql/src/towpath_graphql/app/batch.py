"""Decides on a list of proposals for flow runs and task runs in order, and stores what was accepted, set-wise.

Several proposals may concern one run (Running and Success of one task in one report): each is decided on what the one before left. A
refused proposal does not stop the others; every item has its own answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from towpath_graphql.app import slots
from towpath_graphql.app.ports import Transaction
from towpath_graphql.app.storing import (
    append_flow_history,
    flow_run_of,
    store_flow_runs,
    store_seen_task_runs,
    store_task_runs,
    task_event,
    task_run_of,
)
from towpath_graphql.domain import state_json
from towpath_graphql.domain.decide import PAUSED, decide_flow, decide_task, wake
from towpath_graphql.domain.runs import AcceptFlow, FlowRun, HistoryRow, Origin, Proposal, Reject, TaskRun
from towpath_graphql.domain.slots import Key, Limit, waiting_for
from towpath_proto import timers
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

    Attributes:
        line: The concurrency limits that these runs come under, where they ask before they run; locked after the runs.
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
        self._resumed: dict[UUID, tuple[str | None, Any]] = {}
        self._touched_flows: set[UUID] = set()
        self._stopped: dict[UUID, str | None] = {}
        self._below: set[UUID] = set()
        self.line = slots.NOBODY

    @property
    def now(self) -> datetime:
        """The transaction's time."""
        return self._now

    def flow(self, run_id: UUID, proposal: Proposal) -> Result:
        """Decide on a flow run."""
        run = self.flows[run_id]
        decision = decide_flow(run, proposal, self._now)
        if isinstance(decision, Reject):
            return rejected(decision, run_id)
        if proposal.kind in ("Submitted", "Running") and (missing := self._missing(run)):
            return self._flow_waits(run, proposal, missing)
        return self.accept_flow(decision)

    def _missing(self, run: FlowRun | TaskRun) -> tuple[Limit, ...]:
        """The limits without a free slot for a run that is to begin; what runs already goes on."""
        key = slots.key_of(run)
        if key not in self.line.needs:
            return ()
        if isinstance(run, TaskRun):
            return self.line.ask(key, goes_on=run.state in ("Running", "Cancelling", "Looped"))
        return self.line.ask(key, goes_on=run.phase is not None and run.state != "Queued")

    def _flow_waits(self, run: FlowRun, proposal: Proposal, missing: tuple[Limit, ...]) -> Result:
        """An agent leaves the run in the queue; a process that is to run it keeps it, and waits."""
        if proposal.kind == "Submitted":
            why = waiting_for(missing)
            return failure(Code.NO_FREE_SLOT, f"State update failed for flow run {run.id}: {why[:1].lower()}{why[1:]}", run.id)
        decision = decide_flow(run, replace(proposal, state=self._queued(proposal, missing), waits=True), self._now)
        if isinstance(decision, Reject):
            return rejected(decision, run.id)
        if run.state == "Queued":  # it has asked again: its lease is longer, its history is not
            self.replace_flow(replace(run, lease_expires_at=decision.run.lease_expires_at))
            return {"status": "QUEUED", "id": str(run.id), "version": run.version}
        return self.accept_flow(decision)

    def _queued(self, proposal: Proposal, missing: tuple[Limit, ...]) -> dict[str, Any]:
        again = self._now + timedelta(seconds=timers.ASK_AGAIN_PREFECT1)
        return state_json.make("Queued", waiting_for(missing), start_time=again, state=proposal.state)

    def accept_flow(self, decision: AcceptFlow) -> Result:
        """Take a decision that was made elsewhere in the domain."""
        run = decision.run
        if run.state == "Resume" and self.flows[run.id].waiting_for == PAUSED and decision.history is not None:
            self._resumed[run.id] = (decision.history.actor, state_json.start_time(run.serialized_state))
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
        if proposal.kind == "Running" and (missing := self._missing(run)):
            if run.state == "Queued":
                return {"status": "QUEUED", "id": str(run.id), "version": run.version}
            waits = decide_task(run, self.flows[run.flow_run_id], replace(proposal, state=self._queued(proposal, missing)), self._now)
            return rejected(waits, run_id) if isinstance(waits, Reject) else self.accept_task(waits.run, waits.history)
        if decision.history is not None and (woken := wake(self.flows[run.flow_run_id], decision.run, proposal.actor, self._now)):
            self.flow(run.flow_run_id, woken)
        return self.accept_task(decision.run, decision.history)

    def accept_task(self, run: TaskRun, history: HistoryRow | None) -> Result:
        """Take a decision that was made elsewhere in the domain."""
        self.tasks[run.id] = run
        if history is not None:
            self._task_history.append(history)
        if not slots.keeps_slots(run):
            self.line.leave(slots.key_of(run))
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

    async def _resume_paused_tasks(self) -> None:
        """Resume what paused the flow runs that were resumed: else their processes would pause again at once."""
        for row in await self._tx.all("lock_paused_task_runs", flow_run_ids=sorted(self._resumed)):
            self.adopt(task_run_of(row))
            task = self.tasks[row["id"]]
            actor, due = self._resumed[task.flow_run_id]
            if task.state == "Paused":
                state = state_json.make("Resume", "Its flow run was resumed.", start_time=due)
                self.task(task.id, Proposal(state, Origin.SERVICE, actor=actor))

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

    def _slots(self, changed_tasks: Sequence[TaskRun]) -> tuple[list[Key], tuple[list[UUID], list[UUID]]]:
        """Who keeps or takes slots or a place in a line, and which flow runs and task runs give theirs back; the flow runs are marked."""
        staying = [
            (flow_id, task_id)
            for flow_id, task_id in self.line.granted
            if self.flows[flow_id].phase is not None and (task_id is None or slots.keeps_slots(self.tasks[task_id]))
        ]
        for flow_id in {flow_id for flow_id, _ in staying if not self.flows[flow_id].holds_slots}:
            self.replace_flow(replace(self.flows[flow_id], holds_slots=True))
        alone = [i for i in self._touched_flows if self.flows[i].holds_slots and self.flows[i].phase is None]
        resting = [
            t.id for t in changed_tasks if self.flows[t.flow_run_id].holds_slots and t.flow_run_id not in alone and not slots.keeps_slots(t)
        ]
        # who has given its slots back and asked anew in this transaction has what it was given last
        resting += [task_id for flow_id, task_id in staying if task_id is not None and (flow_id, task_id) in self.line.left]
        for flow_id in alone:
            self.replace_flow(replace(self.flows[flow_id], holds_slots=False))
        return staying, (alone, resting)

    async def store(self, *, agent_id: UUID | None = None, beat: bool = False) -> None:
        """Write everything that was accepted."""
        if self._stopped:
            await self._cancel_children()
        if self._cancel:
            await self._cancel_open_tasks()
        if self._resumed:
            await self._resume_paused_tasks()
        changed_tasks = self._changed_tasks()
        staying, leaving = self._slots(changed_tasks)
        changed_flows = [self.flows[i] for i in sorted(self._touched_flows - self._below)]
        below = [self.flows[i] for i in sorted(self._touched_flows & self._below)]
        await store_flow_runs(self._tx, self._flows_before, changed_flows, agent_id=agent_id, beat=beat)
        await store_flow_runs(self._tx, self._flows_before, below)
        await append_flow_history(self._tx, self._flow_history)
        self._tell_of(changed_tasks)
        await store_task_runs(self._tx, self._tasks_before, changed_tasks, self._task_history)
        if leaving[0] or leaving[1]:
            await slots.give_back(self._tx, flow_run_ids=leaving[0], task_run_ids=leaving[1])
        if staying:
            await slots.take(self._tx, self.line, {i: f.tenant_id for i, f in self.flows.items()}, staying)

    async def store_seen(self) -> bool:
        """Write what was accepted on runs that were seen and not locked, in one statement.

        Returns:
            Whether that could be done. If not, nothing is written: something has moved meanwhile, or more is to be written than moves of
            task runs, and the decisions have to be made again under locks.
        """
        if self._touched_flows or any(f.holds_slots or f.tag_limits for f in self.flows.values()):
            return False
        if not (changed := self._changed_tasks()):
            return True
        self._tell_of(changed)
        return await store_seen_task_runs(self._tx, self.flows.values(), self._tasks_before, changed, self._task_history)

    def _changed_tasks(self) -> list[TaskRun]:
        return [t for i, t in self.tasks.items() if t is not self._tasks_before[i]]

    def _tell_of(self, tasks: Iterable[TaskRun]) -> None:
        by_flow: dict[UUID, list[TaskRun]] = {}
        for task in tasks:
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
