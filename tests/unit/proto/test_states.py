"""The table of states and moves, held against what prefect==1.4.1 is recorded to post."""

from __future__ import annotations

from itertools import pairwise

import pytest

from towpath_proto.states import FINAL, FLOW_EDGES, KINDS, RUNNING, SCHEDULED, TASK_EDGES, WRITABLE, Move, hierarchy, is_a, is_final

NOT_FOR_FLOWS = {"Looped", "Cached", "Mapped", "Pending", "Resume"}
"""Kinds that no flow run enters by itself: they speak of tasks, or (Pending) of rows before their first state."""

RECORDED_TASKS = [
    "Pending Running Success",
    "Pending Running Failed Retrying Running Success",
    "Pending Running Looped Running Looped Running Success",
    "Pending Running Success Cached",
    "Pending Mapped",
    "Pending TriggerFailed",
    "Pending Skipped",
    "Pending Paused Resume Running Success",
    "Pending Paused Running Success",
    "Pending Running TimedOut Retrying Running TimedOut",
    "Pending Cached",
    "Pending Running Mapped",
    "Pending Scheduled Running Success",
    "Pending Queued Running Success",
    "Pending Running Retrying Running Success",
    "Pending Running Running Success",
    "Mapped Running Mapped",
]
RECORDED_FLOWS = [
    "Scheduled Submitted Running Success",
    "Scheduled Submitted Running Failed",
    "Scheduled Submitted Running Cancelling Cancelled",
    "Scheduled Running Running Success",
    "Scheduled Submitted Failed",
    "Scheduled Cancelled",
    "Scheduled Queued Submitted Running Success",
    "Scheduled Paused Resume Submitted Running Success",
    "Scheduled Submitted Running Scheduled Submitted Running Success",
    "Failed Scheduled Submitted Running Success",
    "Cancelled Scheduled Running Success",
    "Running Cancelling Success",
]


@pytest.mark.parametrize("order", RECORDED_TASKS)
def test_task_states_follow_each_other_as_prefect_posts_them(order):
    """Every recorded order of a task run's posts is legal, step by step."""
    assert [p for p in pairwise(order.split()) if p not in TASK_EDGES] == []


@pytest.mark.parametrize("order", RECORDED_FLOWS)
def test_flow_states_follow_each_other_as_prefect_posts_them(order):
    """Every recorded order of a flow run's posts is legal, step by step."""
    assert [p for p in pairwise(order.split()) if p not in FLOW_EDGES] == []


@pytest.mark.parametrize(
    ("edges", "start", "left_out"), [(FLOW_EDGES, "Scheduled", NOT_FOR_FLOWS - {"Resume"}), (TASK_EDGES, "Pending", set())]
)
def test_every_kind_can_be_reached(edges, start, left_out):
    """From its first state a run can come to every kind that may be stored for it."""
    reached = {start}
    while more := {b for (a, b) in edges if a in reached} - reached:
        reached |= more
    assert reached == WRITABLE - left_out


@pytest.mark.parametrize("edges", [FLOW_EDGES, TASK_EDGES])
def test_only_marked_moves_leave_a_final_state(edges):
    """A move out of a final state opens an attempt or refines the end; every other move neither opens nor refines."""
    for (a, b), move in edges.items():
        if is_final(a):
            assert move is (Move.REFINES if is_final(b) else Move.OPENS)
        else:
            assert move is (Move.FINISHES if is_final(b) else Move.STEP)


def test_the_moves_that_open_an_attempt_are_these():
    """Restart and resume open a flow run's attempt; retry, loop, re-entered map and restart a task run's."""
    flows = {pair for pair, move in FLOW_EDGES.items() if move is Move.OPENS}
    broken = {"Failed", "TimedOut", "TriggerFailed", "ValidationFailed", "Cancelled"}
    assert flows == {(a, "Scheduled") for a in broken}
    tasks = {pair for pair, move in TASK_EDGES.items() if move is Move.OPENS}
    retries = {(a, "Retrying") for a in ("Failed", "TimedOut", "ValidationFailed")}
    restarts = {(a, b) for a in broken for b in ("Scheduled", "Pending")}
    assert tasks == retries | restarts | {("Looped", "Running"), ("Mapped", "Running")}


@pytest.mark.parametrize("edges", [FLOW_EDGES, TASK_EDGES])
def test_success_is_the_end(edges):
    """What has done its work never runs again."""
    assert {b for (a, b) in edges if a == "Success"} <= {"Cached"}
    assert {b for (a, b) in edges if a in ("Cached", "Skipped")} == set()


@pytest.mark.parametrize("edges", [FLOW_EDGES, TASK_EDGES])
def test_every_open_state_can_end_in_every_way(edges):
    """Whatever is open can succeed, fail and be cancelled: nothing can be stuck for want of a move."""
    for kind in {a for (a, _) in edges} - FINAL:
        assert {"Success", "Failed", "Cancelled"} <= {b for (a, b) in edges if a == kind}, kind


def test_families():
    """is_a walks up the parents; the families that the services ask for are what prefect calls them."""
    assert is_a("TriggerFailed", "Failed")
    assert is_a("Cached", "Success", "Failed")
    assert is_a("Cancelling", "Running")
    assert not is_a("Cancelled", "Failed", "Success")
    assert not is_a("Nonsense", "Pending")
    assert not is_final("Nonsense")
    assert {"Scheduled", "Paused", "Resume", "Retrying", "Queued"} == SCHEDULED
    assert {k for k in KINDS if is_a(k, "Running")} == RUNNING
    assert {"Finished", "Looped", "Cancelled"} < FINAL
    assert hierarchy()["Success"] == ["Success", "Cached", "Mapped", "Skipped"]


def test_every_kind_is_told_and_coloured():
    """Each kind has a sentence, a colour of its own and a known parent; a final parent has final children only."""
    assert len({k.color for k in KINDS.values()}) == len(KINDS)
    for kind in KINDS.values():
        assert kind.meaning.endswith(".")
        assert kind.parent is None or kind.parent in KINDS
        assert kind.final or kind.parent is None or not KINDS[kind.parent].final
