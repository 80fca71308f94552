"""What becomes of a run whose process is lost: it crashed, was killed, or fell silent until its lease expired.

One decision for all three ways of noticing. The tasks that were running are tried again where they have retries left, and fail
otherwise; the flow run goes back to the queue with a growing pause until its lives are used up, and then fails. A run that was being
cancelled ends Cancelled: that is what its owner was doing. The fence is raised, so a process that was only slow cannot write any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from towpath_graphql.domain import state_json
from towpath_graphql.domain.decide import decide_flow, decide_task
from towpath_graphql.domain.runs import AcceptFlow, AcceptTask, FlowRun, Origin, Proposal, Reject, StateJson, TaskRun
from towpath_proto import timers
from towpath_proto.states import RUNNING, SCHEDULED


@dataclass(frozen=True, slots=True)
class Lost:
    """The decision: the flow run's move, its task runs' moves in order (two for one that is retried), and a line for the run's log."""

    flow: AcceptFlow
    tasks: tuple[AcceptTask, ...]
    log: str


def back_off(lives: int) -> timedelta:
    """The pause before life number `lives` (0-based) begins: 5, 10, 20 s."""
    return timedelta(seconds=timers.LIFE_BACKOFF * 2**lives)


def lose(run: FlowRun, tasks: Sequence[TaskRun], *, reason: str, actor: str, now: datetime) -> Lost | Reject:
    """Decide on a run whose process is lost.

    Args:
        run: An owned flow run that has not ended.
        tasks: Its task runs in Running or Cancelling, and those that wait.
        reason: A clause such as "was killed (SIGKILL; memory may be short)".
        actor: Who noticed.
        now: The database's time.
    """
    active = [t for t in tasks if t.state in RUNNING]
    accepted: list[AcceptTask] = []
    cancelled = run.state == "Cancelling"
    for task in active:
        before = task
        for proposal in _lost_task(task, reason, actor, now, cancelled=cancelled):
            decision = decide_task(before, run, proposal, now)
            if isinstance(decision, Reject):
                return decision
            accepted.append(decision)
            before = decision.run
    retried = any(d.run.state == "Retrying" for d in accepted)
    flow = decide_flow(run, _lost_flow(run, tasks, reason, actor, now, retried=retried), now)
    if isinstance(flow, Reject):
        return flow
    if flow.run.state == "Scheduled" and _rest(run, tasks, now) is None:
        flow = replace(flow, run=replace(flow.run, lives=run.lives + 1))
    names = ", ".join(t.slug + (f"[{t.map_index}]" if t.map_index >= 0 else "") for t in active[:5]) or "no task"
    more = f" and {len(active) - 5} more" if len(active) > 5 else ""
    beat = f"lease until {run.lease_expires_at.isoformat()}" if run.lease_expires_at else "no lease"
    line = (
        f"Flow run {run.name} ({run.id}) {reason} while {names}{more} was running. Holder {run.lease_holder}, fence {run.fence}, {beat}. "
        f"Now {flow.run.state}: {flow.run.serialized_state.get('message')}"
    )
    return Lost(flow, tuple(accepted), line)


def _rest(run: FlowRun, tasks: Sequence[TaskRun], now: datetime) -> StateJson | None:
    """Where a run rests whose process has ended by itself, because all that is left waits; None where something was lost.

    A process of Prefect 1 ends when a retry is far away or a task is paused, and leaves its run Running.
    """
    if run.lease_seconds != timers.LEASE_PREFECT1 or run.state != "Running" or any(t.state in RUNNING for t in tasks):
        return None
    due = [now for t in tasks if t.state == "Resume"]
    for task in tasks:
        start = state_json.start_time(task.serialized_state) if task.state in SCHEDULED else None
        if start is not None and start > now:
            due.append(start)
    if due:
        return state_json.make("Scheduled", "Waits for a task run that is due later.", start_time=min(due))
    if any(t.state == "Paused" and state_json.start_time(t.serialized_state) is None for t in tasks):
        return state_json.make("Paused", "Waits until a paused task run is resumed.")
    return None


def _lost_task(task: TaskRun, reason: str, actor: str, now: datetime, *, cancelled: bool) -> list[Proposal]:
    """A lost try ends its attempt as any failure does: Failed, then Retrying where a retry is left. So crashes use retries up."""
    if cancelled:
        states = [state_json.make("Cancelled", "The flow run was being cancelled when its process ended.")]
    else:
        states = [state_json.make("Failed", f"The run's process {reason}.")]
        if task.attempt <= task.max_retries and task.state == "Running":
            message = f"The run's process {reason}; retry {task.attempt} of {task.max_retries}."
            due = now + timedelta(seconds=task.retry_delay)
            states.append(state_json.make("Retrying", message, start_time=due, run_count=task.attempt))
    return [Proposal(s, Origin.SERVICE, actor=actor) for s in states]


def _lost_flow(run: FlowRun, tasks: Sequence[TaskRun], reason: str, actor: str, now: datetime, *, retried: bool) -> Proposal:
    if run.state == "Cancelling":
        return Proposal(state_json.make("Cancelled", "Cancelled; the process " + reason + "."), Origin.SERVICE, actor=actor)
    if (rest := _rest(run, tasks, now)) is not None:
        return Proposal(rest, Origin.SERVICE, actor=actor)
    if not run.brought_back and not retried:
        message = f"The run's process {reason}; the settings of its flow say that it is not brought back. Restart it to go on."
        return Proposal(state_json.make("Failed", message), Origin.SERVICE, actor=actor)
    if run.lives < timers.MAX_LIVES:
        due = now + back_off(run.lives)
        message = f"The run's process {reason}; it is offered again (life {run.lives + 1} of {timers.MAX_LIVES})."
        return Proposal(state_json.make("Scheduled", message, start_time=due), Origin.SERVICE, actor=actor)
    message = f"The run's process {reason}; all {timers.MAX_LIVES} lives of this attempt are used. Restart it when the cause is mended."
    return Proposal(state_json.make("Failed", message), Origin.SERVICE, actor=actor)
