"""Claims: how an offered run becomes owned, and how ownership passes from the agent to the run's supervisor.

A claim gives {holder, fence, expires_at}. Between the claim and `begin_run` the run is *launching*: the agent holds the lease and renews
it, and a deadline of its own ends a launch that never arrives. `begin_run` moves the lease to the supervisor of the run's process.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from towpath_graphql.domain import state_json
from towpath_graphql.domain.decide import decide_flow
from towpath_graphql.domain.runs import AcceptFlow, FlowRun, Origin, Phase, Proposal, Reject
from towpath_proto import timers
from towpath_proto.errors import Code
from towpath_proto.states import is_final


def claim(run: FlowRun, *, holder: str, launch_seconds: float, now: datetime) -> AcceptFlow | Reject:
    """The run for this agent, if it is offered and due."""
    if run.due_at is None or run.due_at > now:
        return Reject(Code.ALREADY_CLAIMED, f"Flow run {run.id} is not offered.", {"run_id": str(run.id), "state": run.state})
    state = state_json.make("Submitted", f"Claimed by {holder}.", state=run.serialized_state)
    # it is offered no more, and no agent is told that it were
    decision = decide_flow(replace(run, due_at=None), Proposal(state, Origin.SERVICE, actor=holder), now)
    if isinstance(decision, Reject):
        return decision
    after = replace(
        decision.run,
        waiting_for=None,
        phase=Phase.LAUNCHING,
        lease_holder=holder,
        lease_expires_at=now + timedelta(seconds=timers.LEASE),
        lease_seconds=timers.LEASE,
        launch_deadline=now + timedelta(seconds=launch_seconds),
        fence=run.fence + 1,
        engine_sequence=0,
        supervisor_sequence=0,
    )
    assert decision.history is not None
    history = replace(decision.history, fence=after.fence)
    events = tuple(replace(e, data={**e.data, "fence": after.fence}) if "fence" in e.data else e for e in decision.events)
    return replace(decision, run=after, history=history, events=events)


def begin(run: FlowRun, *, fence: int, holder: str, now: datetime) -> FlowRun | Reject:
    """The lease in the hands of the run's supervisor.

    The same holder asking again is a replay and is granted. Another holder is not: two processes of one claim would number their reports
    alike, and the second one's would be taken for replays. When the first one is dead, its lease ends and the run is offered again.
    """
    if fence != run.fence or run.phase is None:
        return fenced(run, fence)
    if is_final(run.state):
        return Reject(Code.ILLEGAL_TRANSITION, f"Flow run {run.id} has ended ({run.state}); do not start it.", {"run_id": str(run.id)})
    if run.phase == Phase.RUNNING and run.lease_holder != holder:
        message = f"Flow run {run.id} was begun by {run.lease_holder} already; do not start it again."
        return Reject(Code.ALREADY_CLAIMED, message, {"run_id": str(run.id), "holder": run.lease_holder, "fence": run.fence})
    return replace(
        run,
        phase=Phase.RUNNING,
        lease_holder=holder,
        lease_expires_at=now + timedelta(seconds=timers.LEASE),
        lease_seconds=timers.LEASE,
        launch_deadline=None,
    )


def fenced(run: FlowRun, fence: int) -> Reject:
    """The answer to a writer whose claim is over."""
    story = {"run_id": str(run.id), "fence": run.fence, "expected_fence": fence, "state": run.state}
    return Reject(Code.FENCED, f"This claim (fence {fence}) is over: the run is at fence {run.fence} ({run.state}). Stop.", story)


def release(run: FlowRun, *, fence: int, reason: str, actor: str, now: datetime) -> AcceptFlow | Reject:
    """Give a launching run back: it is offered again after a short pause and costs a life, so a run that no agent can start ends.

    One that was being cancelled meanwhile is Cancelled.
    """
    if fence != run.fence or run.phase != Phase.LAUNCHING:
        return fenced(run, fence)
    if run.state == "Cancelling":
        state = state_json.make("Cancelled", f"Cancelled before it began: {reason}")
    elif run.lives >= timers.MAX_LIVES:
        state = state_json.make("Failed", f"Could not be started: {reason}")
    else:
        due = now + timedelta(seconds=timers.LIFE_BACKOFF * 2**run.lives)
        state = state_json.make("Scheduled", f"Could not be started, offered again: {reason}", start_time=due)
    decision = decide_flow(run, Proposal(state, Origin.SERVICE, actor=actor), now)
    if isinstance(decision, AcceptFlow):
        return replace(decision, run=replace(decision.run, lives=run.lives + (decision.run.state == "Scheduled")))
    return decision
