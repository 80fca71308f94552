"""The runner's duties towards the API, and what the end of a child means: decisions with a clock that tests move."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from towpath.processes import describe, memory_events_file, oom_kills
from towpath.runner.child_table import Child, Stage, Why
from towpath.runner.launch import Launch
from towpath.runner.supervision import LAST_QUESTION, Supervision


class World:
    """A supervision with a clock, a courier and a list of what was stopped."""

    def __init__(self) -> None:
        self.now = 100.0
        self.sent: list[tuple[dict[str, Any], Any]] = []
        self.stopped: list[tuple[str, str, Why]] = []
        self.children: dict[tuple[str, int], Child] = {}
        self.supervision = Supervision(
            self.children,
            send=lambda query, variables, then: self.sent.append((variables["input"], then)),
            stop=lambda child, reason, *, why: self.stopped.append((child.launch.flow_run_id, reason, why)),
            clock=lambda: self.now,
            timestamp=lambda: "T",
        )

    def child(self, run: str = "r", *, stage: Stage = Stage.BEGUN, **env: str) -> Child:
        child = Child(Launch(run, 1, "token", env=env), pid=1, started=self.now, stage=stage)
        self.children[child.key] = child
        return child

    def after(self, seconds: float) -> None:
        self.supervision.next_due()
        self.now += seconds
        self.supervision.work()

    def answer(self, *results: dict[str, Any]) -> None:
        _, then = self.sent.pop(0)
        then({"data": {"renew_leases": {"results": list(results)}}})

    def fail(self, code: str) -> None:
        _, then = self.sent.pop(0)
        then({"error": {"code": code, "message": "m"}})


def test_leases_are_renewed_each_beat_in_one_call():
    """All begun runs are renewed together each five seconds; runs that have not begun are their agent's."""
    world = World()
    world.child("a")
    world.child("b")
    world.child("c", stage=Stage.STARTING)
    world.after(4.9)
    assert world.sent == []
    world.after(0.2)
    assert [lease["flow_run_id"] for lease in world.sent[0][0]["leases"]] == ["a", "b"]
    world.after(60)
    assert len(world.sent) == 1, "one renewal is under way at a time"
    world.answer({"flow_run_id": "a", "status": "OK"}, {"flow_run_id": "b", "status": "OK"})
    assert world.supervision.next_due() == world.now + 5


def test_a_failed_renewal_is_tried_again_after_a_second():
    """An API that is away gets another renewal a second later, and the trouble is known."""
    world = World()
    world.child()
    world.after(5)
    world.fail("UNREACHABLE")
    assert world.supervision.next_due() == world.now + 1
    assert world.supervision.trouble == "m (UNREACHABLE)"
    world.after(1)
    world.answer({"flow_run_id": "r", "status": "OK"})
    assert world.supervision.trouble is None


@pytest.mark.parametrize(
    ("result", "stopped"),
    [
        ({"status": "OK", "cancel": False}, []),
        ({"status": "OK", "cancel": True}, [("r", "The run was cancelled", Why.CANCELLED)]),
        ({"status": "FENCED", "cancel": True}, [("r", "The run has another owner", Why.NOT_OURS)]),
        ({"status": "NOT_FOUND"}, [("r", "The run was deleted", Why.NOT_OURS)]),
        ({"status": "FINISHED"}, []),
    ],
)
def test_what_an_answer_leads_to(result: dict[str, Any], stopped: list[Any]):
    """Cancel stops the process; a lost run stops it without a report; FINISHED once may be the run's own report."""
    world = World()
    world.child()
    world.after(5)
    world.answer({"flow_run_id": "r", **result})
    assert world.stopped == stopped


def test_a_run_that_ended_elsewhere_is_stopped_at_the_second_sight():
    """FINISHED twice in a row means that somebody else ended the run."""
    world = World()
    world.child()
    for _ in range(2):
        world.after(5)
        world.answer({"flow_run_id": "r", "status": "FINISHED"})
    assert world.stopped == [("r", "The run has ended already", Why.NOT_OURS)]


def test_a_crash_is_reported_until_it_is_answered_and_only_then_forgotten():
    """The report keeps its sequence over every try; a refusal ends it like an answer."""
    world = World()
    child = world.child()
    del world.children[child.key]
    world.supervision.child_died(child, child.verdict(signal.SIGKILL))
    world.after(0)
    first = world.sent[0][0]
    assert (first["reporter"], first["sequence"], first["fence"]) == ("supervisor", 1, 1)
    assert first["states"][0]["state"] == {"type": "Failed", "message": "was killed (SIGKILL; memory may be short)"}
    for pause in (1, 2, 4, 5):
        world.fail("UNAVAILABLE")
        assert world.supervision.next_due() == world.now + pause
        world.after(pause)
    assert world.sent[0][0] == first
    world.fail("FENCED")
    assert (world.supervision.reports, world.supervision.next_due()) == ([], None)


def test_a_child_walks_the_ladder_from_term_to_kill():
    """Stopping sends SIGTERM once and makes SIGKILL due after the grace, which the run config may set."""
    child = World().child(TOWPATH_CANCEL_GRACE="2.5")
    assert child.stop("why", now=10, why=Why.CANCELLED) == signal.SIGTERM
    assert child.stop("again", now=11, why=Why.TOLD) is None
    assert (child.overdue(12.4), child.overdue(12.5), child.stop_reason) == (False, True, "why")


def test_a_child_that_lingers_after_its_end_is_killed():
    """A process that has reported its run's end may live 30 s more."""
    child = World().child()
    child.hear({"stage": "final", "state": "Success"}, now=50)
    assert (child.overdue(79), child.overdue(80), child.renews) == (False, True, False)


@pytest.mark.parametrize(
    ("stage", "changes", "status", "verdict"),
    [
        (Stage.FINAL, {}, 0, ("final", None, "")),
        (Stage.FINAL, {}, signal.SIGKILL, ("final", None, "")),
        (Stage.REFUSED, {}, 1 << 8, ("refused", None, "")),
        (Stage.BEGUN, {"fenced": True}, signal.SIGTERM, ("refused", None, "")),
        (Stage.BEGUN, {}, 3 << 8, ("reported", "Failed", "exited with status 3 before it reported a final state")),
        (Stage.BEGINNING, {}, signal.SIGSEGV, ("reported", "Failed", "died of a segmentation fault (SIGSEGV)")),
        (Stage.BEGUN, {"said": "was told to stop (SIGTERM)"}, 1 << 8, ("reported", "Failed", "was told to stop (SIGTERM)")),
        (Stage.STARTING, {}, 1 << 8, ("unbegun", None, "The run's process could not be started: exited with status 1 before it began.")),
        (Stage.STARTING, {"said": "The API is away."}, 1 << 8, ("unbegun", None, "The API is away.")),
    ],
)
def test_what_an_end_means(stage: Stage, changes: dict[str, Any], status: int, verdict: tuple[str, str | None, str]):
    """The stage, the wish to stop and the wait status decide who reports what."""
    child = World().child(stage=stage)
    for name, value in changes.items():
        setattr(child, name, value)
    found = child.verdict(int(status))
    assert (found.ended, found.state, found.reason) == verdict


@pytest.mark.parametrize(
    ("stage", "why", "status", "verdict"),
    [
        (Stage.BEGUN, Why.CANCELLED, 1 << 8, ("reported", "Cancelled", "R.")),
        (Stage.STARTING, Why.CANCELLED, 1 << 8, ("reported", "Cancelled", "R.")),
        (Stage.BEGUN, Why.TOLD, 1 << 8, ("reported", "Failed", "R")),
        (Stage.BEGUN, Why.TOLD, signal.SIGKILL, ("reported", "Failed", "R; it did not stop when asked and was killed")),
        (Stage.STARTING, Why.TOLD, 1 << 8, ("unbegun", None, "The run's process R.")),
        (Stage.BEGUN, Why.NOT_OURS, 1 << 8, ("refused", None, "")),
        (Stage.FINAL, Why.TOLD, 0, ("final", None, "")),
    ],
)
def test_what_the_end_of_a_stopped_child_means(stage: Stage, why: Why, status: int, verdict: tuple[str, str | None, str]):
    """Only a cancelled run ends Cancelled; one whose supervisor was told to stop is lost, or given back if it had not begun."""
    child = World().child(stage=stage)
    child.stop("R", now=0, why=why)
    found = child.verdict(int(status))
    assert (found.ended, found.state, found.reason) == verdict


def test_who_is_told_to_stop_asks_first_which_runs_are_cancelled():
    """All are asked about at once, also what has not begun; the answer says which are cancelled, the others are only told to go."""
    world = World()
    world.child("a")
    world.child("b")
    world.child("c", stage=Stage.STARTING)
    world.supervision.leave("R")
    world.after(0)
    assert [lease["flow_run_id"] for lease in world.sent[0][0]["leases"]] == ["a", "b", "c"]
    assert world.stopped == []
    world.answer(*({"flow_run_id": run, "status": "OK", "cancel": run == "a"} for run in "abc"))
    assert world.stopped[0] == ("a", "The run was cancelled", Why.CANCELLED)
    assert world.stopped[1:] == [(run, "R", Why.TOLD) for run in "abc"]  # of a child only the first stop counts


def test_an_answer_to_an_earlier_question_does_not_count():
    """What was asked before the runner was told to stop may be older than the cancellation: the API is asked again at once."""
    world = World()
    world.child()
    world.after(5)
    world.supervision.leave("R")
    world.answer({"flow_run_id": "r", "status": "OK"})
    assert world.stopped == []
    world.after(0)
    world.answer({"flow_run_id": "r", "status": "OK"})
    assert world.stopped == [("r", "R", Why.TOLD)]


def test_an_api_that_is_away_does_not_keep_a_runner_from_stopping():
    """Without an answer in time all are told to go: the API decides on a lost run that is being cancelled as on a cancelled one."""
    world = World()
    world.child()
    world.supervision.leave("R")
    world.after(0)
    world.fail("UNREACHABLE")
    world.after(LAST_QUESTION - 0.1)
    assert world.stopped == []
    world.after(0.1)
    assert world.stopped == [("r", "R", Why.TOLD)]


def test_out_of_memory_is_said_only_when_the_kernel_counted_it(tmp_path: Path):
    """The cgroup's oom_kill counter makes the difference between a fact and a guess."""
    events = tmp_path / "memory.events"
    events.write_text("low 0\noom 2\noom_kill 2\n")
    assert (oom_kills(events), oom_kills(None), oom_kills(tmp_path / "none")) == (2, 0, 0)
    assert describe(signal.SIGKILL, oom_killed=True) == "killed by the kernel: out of memory (SIGKILL)"
    assert describe(signal.SIGKILL, oom_killed=False) == "killed (SIGKILL; memory may be short)"
    (tmp_path / "proc" / "self").mkdir(parents=True)
    (tmp_path / "proc" / "self" / "cgroup").write_text("0::/a/b\n")
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "memory.events").write_text("")
    assert memory_events_file(proc=tmp_path / "proc", root=tmp_path) == tmp_path / "a" / "b" / "memory.events"
