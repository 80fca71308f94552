"""States of flow runs and task runs, and the one table of legal moves between them.

The kinds and their hierarchy are Prefect 1's. The moves are ours (Prefect Server had none): an absent pair is illegal. A final state
ends an *attempt*; only the edges marked `OPENS` leave a final state, and each opens the next attempt. `REFINES` goes from one final state
to a more telling one of the same attempt (prefect 1.4.1 posts Success and then Cached). Everything that writes a state asks this table;
the SQL that stores a move guards it again by id, version and fence.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class StateKind:
    """One kind of state.

    Attributes:
        name: Its `type` on the wire.
        parent: The kind it specialises; None for a root.
        final: Whether an attempt ends with it.
        color: The colour that every user interface shows it in, as `#rrggbb`.
        meaning: What it says about a run, in a sentence.
    """

    name: str
    parent: str | None
    final: bool
    color: str
    meaning: str


_KINDS = (
    StateKind("Pending", None, False, "#8a94a6", "Known, and not ready to run yet."),
    StateKind("Scheduled", "Pending", False, "#d9a400", "Will run at its start time or soon after."),
    StateKind("Paused", "Scheduled", False, "#b98ae0", "Waits until a person resumes it."),
    StateKind("Resume", "Scheduled", False, "#e0b13c", "Was paused and may go on."),
    StateKind("Retrying", "Scheduled", False, "#f08c2e", "Failed, and will be tried again at its start time."),
    StateKind("Queued", "Scheduled", False, "#c2a878", "Waits for a free slot of a concurrency limit."),
    StateKind("Submitted", None, False, "#7fb8d9", "An agent has claimed it and is starting it."),
    StateKind("Running", None, False, "#2f7fe0", "Is running."),
    StateKind("Cancelling", "Running", False, "#a06a6a", "Is being stopped."),
    StateKind("Finished", None, True, "#6b7686", "Has ended."),
    StateKind("Looped", "Finished", True, "#5f8fc0", "One turn of a loop has ended; the next one follows."),
    StateKind("Cancelled", "Finished", True, "#8b5a5a", "Was stopped by a person or a rule."),
    StateKind("Success", "Finished", True, "#2e9e5b", "Has done its work."),
    StateKind("Cached", "Success", True, "#4fb07a", "Took its result from an earlier run."),
    StateKind("Mapped", "Success", True, "#3fa9a0", "Has been spread over its inputs; its children do the work."),
    StateKind("Skipped", "Success", True, "#9ecfae", "Was left out on purpose."),
    StateKind("Failed", "Finished", True, "#d6403a", "Has ended with an error."),
    StateKind("TimedOut", "Failed", True, "#b8322d", "Took longer than its timeout allows."),
    StateKind("TriggerFailed", "Failed", True, "#e2807c", "Its trigger did not allow it to run after what happened upstream."),
    StateKind("ValidationFailed", "Failed", True, "#c65a3a", "Its input or its result is not valid."),
    StateKind("ClientFailed", None, False, "#a03a5a", "A client could not report its state."),
)

KINDS: MappingProxyType[str, StateKind] = MappingProxyType({k.name: k for k in _KINDS})
"""All kinds by name."""

WRITABLE = frozenset(KINDS) - {"Finished", "ClientFailed"}
"""Kinds that may be stored: `Finished` is only a family, `ClientFailed` exists inside clients only."""


def is_a(kind: str, *ancestors: str) -> bool:
    """Whether `kind` is one of `ancestors` or specialises one of them; False for an unknown kind."""
    current: str | None = kind
    while current is not None:
        if current in ancestors:
            return True
        found = KINDS.get(current)
        current = found.parent if found else None
    return False


def is_final(kind: str) -> bool:
    """Whether `kind` ends an attempt; False for an unknown kind."""
    found = KINDS.get(kind)
    return bool(found and found.final)


FINAL = frozenset(k.name for k in _KINDS if k.final)
SCHEDULED = frozenset(k.name for k in _KINDS if is_a(k.name, "Scheduled"))
RUNNING = frozenset({"Running", "Cancelling"})


def hierarchy() -> dict[str, list[str]]:
    """Each kind with all kinds that specialise it, itself included (`reference_data.state_hierarchy`)."""
    return {a: [k for k in KINDS if is_a(k, a)] for a in KINDS}


class Move(StrEnum):
    """What kind of step an edge is."""

    STEP = "step"
    """An ordinary move within an attempt."""
    FINISHES = "finishes"
    """Ends the attempt."""
    REFINES = "refines"
    """From one final state to a more telling one of the same attempt."""
    OPENS = "opens"
    """Opens the next attempt: leaves a final state."""


Edges = MappingProxyType[tuple[str, str], Move]


def _edges(rows: Iterable[tuple[str, str]]) -> Edges:
    """Read rows of 'from from …', 'to to …' into a table; the move's kind follows from the finality of its ends."""
    table: dict[tuple[str, str], Move] = {}
    for sources, targets in rows:
        for a in sources.split():
            for b in targets.split():
                if a not in KINDS or b not in WRITABLE:
                    raise ValueError(f"unknown state in the table: {a} -> {b}")
                if KINDS[a].final:
                    table[a, b] = Move.REFINES if KINDS[b].final else Move.OPENS
                else:
                    table[a, b] = Move.FINISHES if KINDS[b].final else Move.STEP
    return MappingProxyType(table)


_ENDS = "Success Skipped Failed TimedOut TriggerFailed ValidationFailed Cancelled"
_BROKEN = "Failed TimedOut TriggerFailed ValidationFailed Cancelled"

FLOW_EDGES: Edges = _edges(
    [
        # waiting for an agent; a run may be put off, paused, resumed, or ended before anybody took it
        ("Pending", "Scheduled Submitted Running Paused"),
        ("Scheduled Resume Retrying Queued", "Scheduled Submitted Running Paused Queued"),
        ("Paused", "Scheduled Resume Submitted Running Paused"),
        ("Pending Scheduled Paused Resume Retrying Queued", _ENDS),
        # taken by an agent: it begins, ends before it began, or goes back to the queue
        ("Submitted", "Submitted Running Scheduled Queued Cancelling " + _ENDS),
        # running: a restarted process enters again; a lost one goes back to the queue
        ("Running", "Running Cancelling Scheduled Queued Paused Retrying " + _ENDS),
        # being stopped: its true end wins over the wish
        ("Cancelling", "Cancelling " + _ENDS),
        # an explicit restart or resume opens the next attempt
        (_BROKEN, "Scheduled"),
    ]
)
"""Legal moves of a flow run: (from, to) -> kind of move."""

TASK_EDGES: Edges = _edges(
    [
        (
            "Pending Scheduled Resume Retrying Queued",
            "Pending Scheduled Paused Resume Retrying Queued Submitted Running Mapped Cached " + _ENDS,
        ),
        ("Paused", "Paused Scheduled Resume Pending Submitted Running " + _ENDS),
        ("Submitted", "Submitted Running Queued Mapped Cached " + _ENDS),
        # a task that is run again by a restarted process enters Running once more; a crash is repaired to Retrying or Failed
        ("Running", "Running Pending Scheduled Paused Queued Retrying Cancelling Looped Mapped Cached " + _ENDS),
        ("Cancelling", "Cancelling Looped Mapped Cached " + _ENDS),
        # prefect 1.4.1 stores a result twice: Success, then Cached; a failure may be told more closely
        ("Success", "Cached"),
        # a parent that is entered again spreads over its inputs again
        ("Mapped", "Running"),
        # the next turn of a loop; a retry within max_retries; an explicit restart
        ("Looped", "Running"),
        ("Failed TimedOut ValidationFailed", "Retrying"),
        (_BROKEN, "Scheduled Pending"),
    ]
)
"""Legal moves of a task run: (from, to) -> kind of move."""
