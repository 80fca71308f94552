"""Any order of proposals, claims, losses, cancels and restarts leaves every run whole (domain.invariants)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from towpath_graphql.domain import claiming, state_json
from towpath_graphql.domain.decide import decide_flow, decide_task
from towpath_graphql.domain.invariants import broken
from towpath_graphql.domain.losing import lose
from towpath_graphql.domain.runs import AcceptFlow, AcceptTask, FlowRun, HistoryRow, Origin, Proposal, Reject, TaskRun
from towpath_proto import timers
from towpath_proto.errors import Code
from towpath_proto.states import FLOW_EDGES, TASK_EDGES, WRITABLE, Move, is_a, is_final

START = datetime(2026, 1, 1, tzinfo=UTC)
ID = UUID(int=7 << 76)
KINDS = st.sampled_from(sorted(WRITABLE))
ORIGINS = st.sampled_from(list(Origin))
OFFSETS = st.sampled_from([0, 0, -1, 1])
DELAYS = st.sampled_from([None, -60, 0, 30])


class Runs(RuleBasedStateMachine):
    """One flow run with three task runs, and everything that can happen to them."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        first = state_json.make("Scheduled", "Flow run scheduled.", start_time=START)
        self.run = FlowRun(ID, ID, ID, ID, "calm-otter", "Scheduled", 1, 1, first, due_at=START)
        self.history = [HistoryRow(ID, ID, "Scheduled", 1, 1, START, first, 0, "test")]
        pending = state_json.make("Pending", "Task run created.")
        self.tasks = {
            n: TaskRun(UUID(int=n), ID, ID, ID, f"a-{n}", -1, "Pending", 0, 1, pending, max_retries=n, retry_delay=5.0) for n in range(3)
        }
        self.task_history: dict[int, list[HistoryRow]] = {n: [] for n in range(3)}
        self.fences = {0}

    @initialize(heartbeat=st.booleans(), lazarus=st.booleans())
    def settings(self, heartbeat: bool, lazarus: bool) -> None:
        self.run = replace(self.run, heartbeat_enabled=heartbeat, lazarus_enabled=lazarus)

    # ------------------------------------------------------------------------------------------------------------ taking decisions

    def take(self, decision: AcceptFlow | Reject) -> bool:
        if isinstance(decision, Reject):
            self.told(decision)
            return False
        before, after = self.run, decision.run
        if decision.history is None:
            assert after == before
            return True
        move = FLOW_EDGES[before.state, after.state]
        assert after.attempt - before.attempt == (move is Move.OPENS)
        assert after.version == before.version + 1
        assert after.fence >= before.fence
        self.run = after
        self.history.append(decision.history)
        self.fences.add(after.fence)
        if decision.cancel_tasks:
            for n, task in self.tasks.items():
                if not is_final(task.state):
                    state = state_json.make("Cancelled", "The flow run was cancelled.")
                    assert self.take_task(n, decide_task(task, self.run, Proposal(state, Origin.SERVICE), self.now))
        return True

    def take_task(self, n: int, decision: AcceptTask | Reject) -> bool:
        if isinstance(decision, Reject):
            self.told(decision)
            return False
        before, after = self.tasks[n], decision.run
        if decision.history is None:
            assert after == before
            return True
        move = TASK_EDGES[before.state, after.state]
        assert after.attempt - before.attempt == (move is Move.OPENS)
        assert after.version == before.version + 1
        self.tasks[n] = after
        self.task_history[n].append(decision.history)
        return True

    @staticmethod
    def told(decision: Reject) -> None:
        assert decision.code in Code
        assert len(decision.message) > 20
        assert decision.story["run_id"]

    def proposal(
        self, kind: str, origin: Origin, version: int | None, fence: int, delay: int | None, lease: float | None = None
    ) -> Proposal:
        fields: dict[str, Any] = {} if delay is None or not is_a(kind, "Scheduled") else {"start_time": self.now + timedelta(seconds=delay)}
        known = fence if origin in (Origin.ENGINE, Origin.SUPERVISOR) else None
        return Proposal(state_json.make(kind, f"{kind}.", **fields), origin, version, known, actor="test", lease_seconds=lease)

    # ------------------------------------------------------------------------------------------------------------------- the rules

    @rule(seconds=st.sampled_from([1, 20, 100]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(kind=KINDS, origin=ORIGINS, version=st.none() | OFFSETS, fence=OFFSETS, delay=DELAYS)
    def propose_flow(self, kind: str, origin: Origin, version: int | None, fence: int, delay: int | None) -> None:
        if origin is Origin.SERVICE:  # itself it proposes ends and the queue; claims have a rule of their own
            kind = kind if is_final(kind) else "Scheduled"
        if origin is Origin.CLIENT and kind == "Cancelling" and self.run.phase is None:
            kind = "Cancelled"
        before = self.run
        seen = None if version is None else before.version + version
        lease = timers.LEASE_PREFECT1 if origin is Origin.CLIENT else None
        taken = self.take(decide_flow(before, self.proposal(kind, origin, seen, before.fence + fence, delay, lease), self.now))
        if taken:
            assert seen in (None, before.version)
            if origin in (Origin.ENGINE, Origin.SUPERVISOR):
                assert fence == 0
                assert before.phase is not None or is_final(before.state)
        elif fence != 0 and origin in (Origin.ENGINE, Origin.SUPERVISOR):
            assert self.run is before

    @rule(n=st.integers(0, 2), kind=KINDS, origin=ORIGINS, version=st.none() | OFFSETS, fence=OFFSETS, delay=DELAYS)
    def propose_task(self, n: int, kind: str, origin: Origin, version: int | None, fence: int, delay: int | None) -> None:
        task = self.tasks[n]
        seen = None if version is None else task.version + version
        taken = self.take_task(n, decide_task(task, self.run, self.proposal(kind, origin, seen, self.run.fence + fence, delay), self.now))
        if taken and self.tasks[n] is not task:
            assert seen in (None, task.version)
            assert fence == 0 or origin in (Origin.CLIENT, Origin.SERVICE)
            if kind == "Running" and origin is not Origin.SERVICE:
                assert self.run.state == "Running"

    @rule()
    def claim(self) -> None:
        offered = self.run.due_at is not None and self.run.due_at <= self.now
        before = self.run.fence
        taken = self.take(claiming.claim(self.run, holder="agent", launch_seconds=30, now=self.now))
        assert taken == offered
        if taken:
            assert self.run.fence > before
            assert self.run.phase == "launching"

    @rule(fence=OFFSETS, holder=st.sampled_from(["a", "b"]))
    def begin(self, fence: int, holder: str) -> None:
        decision = claiming.begin(self.run, fence=self.run.fence + fence, holder=holder, now=self.now)
        if isinstance(decision, Reject):
            self.told(decision)
            return
        assert fence == 0
        assert self.run.phase == "launching" or self.run.lease_holder == holder
        self.run = decision

    @rule(fence=OFFSETS)
    def release(self, fence: int) -> None:
        launching = self.run.phase == "launching"
        taken = self.take(claiming.release(self.run, fence=self.run.fence + fence, reason="no image", actor="agent", now=self.now))
        assert taken == (launching and fence == 0)
        if taken:
            assert self.run.lives <= timers.MAX_LIVES
            assert self.run.phase is None

    @precondition(lambda self: self.run.phase is not None)
    @rule()
    def lost(self) -> None:
        fence, lives = self.run.fence, self.run.lives
        active = [t for t in self.tasks.values() if t.state in ("Running", "Cancelling", "Retrying", "Queued")]
        decision = lose(self.run, active, reason="was killed (SIGKILL)", actor="supervisor", now=self.now)
        assert not isinstance(decision, Reject), decision
        for accepted in decision.tasks:
            assert self.take_task(accepted.run.id.int, accepted)
        assert self.take(decision.flow)
        assert self.run.phase is None
        assert self.run.fence > fence
        assert lives <= self.run.lives <= timers.MAX_LIVES
        assert not [t for t in self.tasks.values() if t.state in ("Running", "Cancelling")]

    @precondition(lambda self: is_a(self.run.state, "Failed", "Cancelled"))
    @rule()
    def restart(self) -> None:
        attempt = self.run.attempt
        assert self.take(decide_flow(self.run, self.proposal("Scheduled", Origin.CLIENT, None, 0, 0), self.now))
        assert (self.run.attempt, self.run.lives) == (attempt + 1, 0)
        for n, task in self.tasks.items():
            if is_a(task.state, "Failed", "Cancelled"):
                assert self.take_task(n, decide_task(task, self.run, self.proposal("Pending", Origin.SERVICE, None, 0, None), self.now))

    @rule(version=st.none() | st.just(0))
    def repeat_the_end(self, version: int | None) -> None:
        if not is_final(self.run.state):
            return
        same = Proposal(self.run.serialized_state, Origin.CLIENT, None if version is None else self.run.version)
        decision = decide_flow(self.run, same, self.now)
        if version is None:
            assert isinstance(decision, AcceptFlow)
            assert decision.history is None
        assert self.take(decision) == (version is None)

    @rule()
    def renew(self) -> None:
        if self.run.phase is not None:
            self.run = replace(self.run, lease_expires_at=self.now + timedelta(seconds=self.run.lease_seconds or 0))

    # -------------------------------------------------------------------------------------------------------------- what always holds

    @invariant()
    def whole(self) -> None:
        assert broken(self.run, self.history) == []
        for n, task in self.tasks.items():
            assert broken(task, self.task_history[n]) == []
        if self.run.phase is not None:
            assert self.run.state in ("Submitted", "Running", "Cancelling")
        if self.run.due_at is not None or self.run.waiting_for is not None:
            assert is_a(self.run.state, "Scheduled")


TestRuns = Runs.TestCase
TestRuns.settings = settings(max_examples=150, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
