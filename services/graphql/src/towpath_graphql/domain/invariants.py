"""What must hold for every run at any moment, as one function over a run and its history.

The property test calls it after each random proposal; the fixture of the database tests calls it for every run after every test.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from towpath_graphql.domain.runs import FlowRun, HistoryRow, TaskRun
from towpath_proto.states import FLOW_EDGES, TASK_EDGES, Move, is_final


def broken(run: FlowRun | TaskRun, history: Sequence[HistoryRow]) -> list[str]:
    """Sentences about what is wrong; empty when all is well.

    Args:
        run: The row.
        history: Its history rows in order of version.
    """
    wrong = _history_is_whole(run, history)
    if isinstance(run, FlowRun):
        wrong += _at_one_place(run)
        fences = [h.fence for h in history if h.fence is not None]
        if fences != sorted(fences):
            wrong.append(f"an old fence has written: {fences}")
        if fences and fences[-1] > run.fence:
            wrong.append(f"history knows fence {fences[-1]}, the row only {run.fence}")
    if is_final(run.state) != (run.end_time is not None):
        wrong.append(f"state {run.state} with end_time {run.end_time}")
    return wrong


def _history_is_whole(run: FlowRun | TaskRun, history: Sequence[HistoryRow]) -> list[str]:
    wrong: list[str] = []
    edges = FLOW_EDGES if isinstance(run, FlowRun) else TASK_EDGES
    versions = [h.version for h in history]
    if versions != list(range(versions[0] if versions else 0, len(versions) + (versions[0] if versions else 0))):
        wrong.append(f"versions have a gap or a double: {versions}")
    if history and (history[-1].version, history[-1].state) != (run.version, run.state):
        wrong.append(f"the row says {run.state} v{run.version}, its history {history[-1].state} v{history[-1].version}")
    for a, b in pairwise(history):
        move = edges.get((a.state, b.state))
        if move is None:
            wrong.append(f"{a.state} → {b.state} is not in the table")
        elif b.attempt != a.attempt + (move is Move.OPENS):
            wrong.append(f"{a.state} → {b.state} took the attempt from {a.attempt} to {b.attempt}")
    return wrong


def _at_one_place(run: FlowRun) -> list[str]:
    places = [run.due_at is not None, run.lease_expires_at is not None, run.waiting_for is not None]
    if is_final(run.state):
        return [f"{run.state} is offered, owned or waiting"] if any(places) else []
    if run.state == "Pending":
        return []  # nobody has offered it yet; lazarus will
    return [] if sum(places) == 1 else [f"{run.state} is at {sum(places)} of the places offered, owned, waiting"]
