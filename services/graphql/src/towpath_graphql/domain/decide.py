"""The decision on one proposed move of one run.

`decide_flow` and `decide_task` are pure: the row as it is, a proposal, the database's time -> accept with everything that follows, or
reject with a code and a story. The order of the checks is the contract:

1. fence — a writer whose claim is over learns FENCED before anything else, so it stops; NOT_OWNED where there is no claim at all. An agent
   of Prefect 1, which knows no fence, learns that its run has been claimed;
2. replay — the very state that is stored already is accepted and changes nothing, if it is an end or one in which a run waits (only where
   no version is claimed: two processes that both say "Running, version 3" are rivals, not a replay);
3. version — what the proposer saw must still be there;
4. edge — towpath_proto.states has the pair, or it is illegal;
5. the rules that go with the edge: ownership, retries, the flow run that a task run needs.

The same conditions (id, version, fence) stand again in the UPDATE that stores the move.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from towpath_graphql.domain import state_json
from towpath_graphql.domain.runs import (
    AcceptFlow,
    AcceptTask,
    Event,
    FlowRun,
    HistoryRow,
    Origin,
    Phase,
    Proposal,
    Reject,
    TaskRun,
)
from towpath_proto import timers
from towpath_proto.errors import Code
from towpath_proto.states import FLOW_EDGES, SCHEDULED, TASK_EDGES, Edges, Move, is_a, is_final

_FENCED_ORIGINS = (Origin.ENGINE, Origin.SUPERVISOR)
PAUSED = "paused"
"""What a paused flow run waits for: that a person lets it, or one of its task runs, go on."""
LONGEST_MESSAGE = 500
"""Characters of a state's message in an event."""


def decide_flow(run: FlowRun, proposal: Proposal, now: datetime) -> AcceptFlow | Reject:
    """Decide on a flow run's move; see the module."""
    kind = proposal.kind
    if not_owner := _not_owner(run, proposal):
        return not_owner
    if taken := _claimed(run, proposal, now):
        return taken
    if refused := _common(run, proposal, FLOW_EDGES):
        return refused if isinstance(refused, Reject) else AcceptFlow(run, None)
    if foreign := _foreign(run, proposal, now):
        return foreign
    move = FLOW_EDGES[run.state, kind]
    if move is Move.OPENS and proposal.origin in _FENCED_ORIGINS:
        message = "A run's own process cannot begin its next attempt; restart the run instead."
        return _reject(Code.ILLEGAL_TRANSITION, run, proposal, message)
    after = _flow_after(run, proposal, now, opens=move is Move.OPENS)
    return AcceptFlow(
        run=after,
        history=_history(after.id, after, proposal, now),
        events=flow_events(after),
        cancel_tasks=kind == "Cancelled",
    )


def decide_task(run: TaskRun, flow_run: FlowRun, proposal: Proposal, now: datetime) -> AcceptTask | Reject:
    """Decide on a task run's move; `flow_run` is the run it belongs to, as it is at this point of the batch."""
    kind = proposal.kind
    if not_owner := _not_owner(flow_run, proposal):
        return not_owner
    if refused := _common(run, proposal, TASK_EDGES):
        return refused if isinstance(refused, Reject) else AcceptTask(run, None)
    if kind == "Running" and flow_run.state != "Running" and proposal.origin is not Origin.SERVICE:
        return _reject(
            Code.FLOW_RUN_NOT_RUNNING,
            run,
            proposal,
            f"State update failed for task run {run.id}: its flow run is {flow_run.state}, not Running; the task must not start.",
        )
    opens = TASK_EDGES[run.state, kind] is Move.OPENS
    if opens and kind == "Retrying" and (used_up := _retries_left(run, proposal)):
        return used_up
    at = proposal.at or now
    after = replace(
        run,
        state=kind,
        version=run.version + 1,
        attempt=run.attempt + 1 if opens else run.attempt,
        serialized_state=_with_cached_inputs(run, proposal),
        start_time=(run.start_time or at) if kind == "Running" else run.start_time,
        end_time=at if is_final(kind) else None,
        state_timestamp=at,
    )
    return AcceptTask(after, _history(after.id, after, proposal, now))


def wake(flow_run: FlowRun, task_run: TaskRun, actor: str | None, now: datetime) -> Proposal | None:
    """What a task run that waits no longer means to its flow run, which waits for it: it is offered when the task run is due."""
    if flow_run.waiting_for != PAUSED or task_run.state not in SCHEDULED:
        return None
    due = state_json.start_time(task_run.serialized_state)
    if due is None and task_run.state == "Paused":
        return None
    state = state_json.make("Scheduled", f"Task run {task_run.slug} may go on.", start_time=max(due or now, now))
    return Proposal(state, Origin.SERVICE, actor=actor)


# ---------------------------------------------------------------------------------------------------------------------- the checks


def _common(run: FlowRun | TaskRun, proposal: Proposal, edges: Edges) -> Reject | bool:
    """Checks 2 to 4. True means: a replay, accept without a change. False: go on."""
    kind = proposal.kind
    as_stored = _with_cached_inputs(run, proposal) if isinstance(run, TaskRun) else proposal.state
    if proposal.version is None and run.state == kind and (is_final(kind) or kind in SCHEDULED) and run.serialized_state == as_stored:
        return True
    if proposal.version is not None and proposal.version != run.version:
        return _reject(
            Code.VERSION_LOCKING_ERROR,
            run,
            proposal,
            f"The run is at version {run.version} ({run.state}), not at {proposal.version}; read it again before you change it.",
        )
    if (run.state, kind) not in edges:
        what = "has ended; restart it to begin a new attempt" if is_final(run.state) else "cannot go there from where it is"
        return _reject(Code.ILLEGAL_TRANSITION, run, proposal, f"{run.state} → {kind} is not a legal move: the run {what}.")
    return False


def _claimed(run: FlowRun, proposal: Proposal, now: datetime) -> Reject | None:
    """Of rival agents of Prefect 1 one claims a run. The others are told in the words at which they give up quietly, whatever they saw."""
    if proposal.origin is not Origin.CLIENT or proposal.kind != "Submitted" or not run.owned_at(now):
        return None
    sentence = f"State update failed for flow run {run.id}: it has already been submitted by {run.lease_holder}."
    return _reject(Code.ALREADY_CLAIMED, run, proposal, sentence)


def _foreign(run: FlowRun, proposal: Proposal, now: datetime) -> Reject | None:
    """A client without a fence must not take a run over from a living owner that has one."""
    if proposal.origin is not Origin.CLIENT or proposal.kind != "Running":
        return None
    if not run.owned_at(now) or run.lease_seconds == timers.LEASE_PREFECT1:
        return None
    sentence = f"State update failed for flow run {run.id}: it belongs to {run.lease_holder}, which reports with a fence."
    return _reject(Code.NOT_OWNED, run, proposal, sentence)


def _retries_left(run: TaskRun, proposal: Proposal) -> Reject | None:
    if proposal.origin is Origin.CLIENT and run.max_retries == 0:
        return None  # a flow registered by a client that keeps its retries to itself
    count = proposal.state.get("run_count")
    used = count if isinstance(count, int) and count > 0 else run.attempt
    if used <= run.max_retries:
        return None
    return _reject(
        Code.ILLEGAL_TRANSITION,
        run,
        proposal,
        f"The task run has used its {run.max_retries} retries; it stays {run.state}.",
    )


def _not_owner(run: FlowRun, proposal: Proposal) -> Reject | None:
    """Those who carry a fence write under the present claim only: not an older one, and not where there is none."""
    if proposal.origin not in _FENCED_ORIGINS:
        return None
    if proposal.fence != run.fence:
        message = f"This claim (fence {proposal.fence}) is over: the run is at fence {run.fence}. Stop; another owner or a person has it."
        return _reject(Code.FENCED, run, proposal, message)
    if run.phase is None and not is_final(run.state):
        return _reject(Code.NOT_OWNED, run, proposal, f"Nobody has claimed the run ({run.state}); claim it before you report on it.")
    return None


def _reject(code: Code, run: FlowRun | TaskRun, proposal: Proposal, message: str) -> Reject:
    story: dict[str, Any] = {
        "run_id": str(run.id),
        "from": run.state,
        "to": proposal.kind,
        "version": run.version,
        "expected_version": proposal.version,
        "attempt": run.attempt,
    }
    if isinstance(run, FlowRun):
        story |= {"fence": run.fence, "expected_fence": proposal.fence, "holder": run.lease_holder}
    return Reject(code, message, {k: v for k, v in story.items() if v is not None})


# ---------------------------------------------------------------------------------------------------------------------- what follows


def _flow_after(run: FlowRun, proposal: Proposal, now: datetime, *, opens: bool) -> FlowRun:
    kind = proposal.kind
    at = proposal.at or now
    after = replace(
        run,
        state=kind,
        version=run.version + 1,
        attempt=run.attempt + 1 if opens else run.attempt,
        lives=0 if opens else run.lives,
        serialized_state=proposal.state,
        start_time=(run.start_time or at) if kind == "Running" else run.start_time,
        end_time=at if is_final(kind) else None,
        state_timestamp=at,
    )
    if is_final(kind):
        # the run's own process may still send its last log lines under this fence; anybody else's ending takes the fence away
        ended_by_owner = proposal.origin in _FENCED_ORIGINS or run.phase is None
        return released(after, raise_fence=not ended_by_owner)
    if kind == "Queued" and proposal.waits:
        return _taken_by_client(after, proposal, now)
    if kind in SCHEDULED:
        due = state_json.start_time(proposal.state)
        if kind == "Paused" and due is None:
            return replace(released(after, raise_fence=run.phase is not None), waiting_for=PAUSED)
        return offered(after, due or now)
    if kind in ("Submitted", "Running") and proposal.lease_seconds is not None:
        return _taken_by_client(after, proposal, now)
    if kind == "Cancelling" and run.phase is not None and not run.watched:
        # from now on silence counts: the owner gets one lease period to hear of it
        return replace(after, lease_expires_at=now + timedelta(seconds=run.lease_seconds or timers.LEASE_PREFECT1))
    return after


def _taken_by_client(run: FlowRun, proposal: Proposal, now: datetime) -> FlowRun:
    """Prefect 1's agents and processes own a run by the states they write: Submitted launches, Running runs, Queued waits to run."""
    seconds = proposal.lease_seconds or timers.LEASE_PREFECT1
    launching = proposal.kind == "Submitted"
    return replace(
        run,
        due_at=None,
        waiting_for=None,
        phase=Phase.LAUNCHING if launching else Phase.RUNNING,
        lease_holder=proposal.actor or "a Prefect 1 client",
        lease_expires_at=now + timedelta(seconds=seconds),
        lease_seconds=seconds,
        fence=run.fence + 1 if launching or run.phase is None else run.fence,
    )


def offered(run: FlowRun, due: datetime) -> FlowRun:
    """The run in the queue from `due` on; whoever owned it is fenced off."""
    return replace(released(run, raise_fence=run.phase is not None), due_at=due)


def released(run: FlowRun, *, raise_fence: bool) -> FlowRun:
    """The run with nobody's lease on it, neither offered nor waiting."""
    return replace(
        run,
        due_at=None,
        waiting_for=None,
        phase=None,
        lease_holder=None,
        lease_expires_at=None,
        lease_seconds=None,
        launch_deadline=None,
        fence=run.fence + 1 if raise_fence else run.fence,
    )


def _with_cached_inputs(run: TaskRun, proposal: Proposal) -> dict[str, Any]:
    """Inputs kept for a resumed run go over to the next state when that brings none of its own."""
    kept = run.serialized_state.get("cached_inputs")
    if kept and not proposal.state.get("cached_inputs"):
        return {**proposal.state, "cached_inputs": kept}
    return proposal.state


def _history(run_id: Any, after: FlowRun | TaskRun, proposal: Proposal, now: datetime) -> HistoryRow:
    return HistoryRow(
        run_id=run_id,
        tenant_id=after.tenant_id,
        state=after.state,
        version=after.version,
        attempt=after.attempt,
        timestamp=proposal.at or now,
        serialized_state=after.serialized_state,
        fence=proposal.fence if proposal.fence is not None else getattr(after, "fence", None),
        actor=proposal.actor,
    )


def flow_events(run: FlowRun) -> tuple[Event, ...]:
    """What the world is told about a flow run's new state."""
    told = [
        Event(
            "flow_run.state",
            run.tenant_id,
            run.id,
            {
                "flow_run_id": str(run.id),
                "flow_id": str(run.flow_id),
                "state": run.state,
                "version": run.version,
                "attempt": run.attempt,
                "message": short_message(run),
                "fence": run.fence,
            },
        )
    ]
    if run.due_at is not None:
        told.append(offered_event(run))
    if run.state == "Cancelling":
        told.append(Event("flow_run.cancel", run.tenant_id, run.id, {"flow_run_id": str(run.id), "fence": run.fence}))
    return tuple(told)


def short_message(run: FlowRun | TaskRun) -> str | None:
    """The state's message as far as an event carries it: an event must fit into a NATS message, whatever people write."""
    message = run.serialized_state.get("message")
    return message if message is None or len(message) <= LONGEST_MESSAGE else message[: LONGEST_MESSAGE - 1] + "…"


def offered_event(run: FlowRun) -> Event:
    """Tells agents that a run can be claimed from its due time on."""
    assert run.due_at is not None
    data = {
        "flow_run_id": str(run.id),
        "due": run.due_at.isoformat(),
        "labels": list(run.labels),
        "run_config_type": run.run_config_type,
    }
    return Event("flow_run.offered", run.tenant_id, run.id, data)


def is_success(kind: str) -> bool:
    """Whether a state counts as done well."""
    return is_a(kind, "Success")
