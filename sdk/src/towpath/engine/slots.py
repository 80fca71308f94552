"""Waiting for slots of concurrency limits: which task runs ask for theirs, when, and which have them.

A task run whose task has a limited tag stands in a line here once everything else lets it run. The line asks only for as many as the
executor can begin at once, so that no slot is held by a task run that waits for a worker. One that is told to wait is Queued; the others go
on meanwhile. It asks again after the time that the answer names, or at once when a task run of this run has ended and freed a slot.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Protocol

from towpath.engine.clock import Clock

if TYPE_CHECKING:
    from towpath.engine.plan import Node
    from towpath.engine.task_pipeline import Record

Key = tuple[str, int]
"""(slug, map index)."""

ASKED_AT_ONCE = 100
"""Task runs of each set of limited tags in one question."""
MOST_ASKED = 500
"""Task runs in one question; the API takes no more."""


@dataclass(frozen=True, slots=True)
class SlotAnswer:
    """What became of those who asked.

    Attributes:
        granted: They have their slots.
        waiting: They have to wait; each with a sentence that names the limits, or None when it need not be told.
        retry_after: When to ask again.
    """

    granted: Set[Key]
    waiting: Mapping[Key, str | None] = field(default_factory=dict)
    retry_after: timedelta = timedelta(seconds=1)


class Limits(Protocol):
    """Knows which tags have limits, and asks for slots."""

    def limited(self, tags: Set[str]) -> frozenset[str]:
        """Those of the tags that a limit is on, as far as is known now; called by the coordinator before each task that has tags."""
        ...

    def ask(self, tasks: Sequence[Key], most: int, answered: Callable[[SlotAnswer], None]) -> None:
        """Ask for slots for these task runs, and for no more than `most` of them. Returns at once; `answered` is called later, once, from
        any thread, unless the run is lost. What was reported before is known to whom it asks."""
        ...


Turn = tuple["Node", int, "Record", dict[str, Any]]
"""A task run that is to run: node, map index, record, its part of the context."""


class SlotLine:
    """The task runs of one run that wait for slots.

    Args:
        limits: Whom to ask.
        inbox: Where the answers go, as `SlotAnswer`.
        clock: The time.
    """

    def __init__(self, limits: Limits, inbox: SimpleQueue[Any], clock: Clock) -> None:
        self._limits = limits
        self._inbox = inbox
        self._clock = clock
        self._lines: dict[frozenset[str], dict[Key, Turn]] = {}  # one for each set of limited tags
        self._granted: deque[Turn] = deque()
        self._told: set[Key] = set()
        self._ask_at: datetime | None = None
        self.asking = False

    def __bool__(self) -> bool:
        return bool(self._lines or self._granted)

    def holds(self, turn: Turn) -> bool:
        """Whether a task run must have slots before it runs; it stands in the line then."""
        node, index = turn[0], turn[1]
        limited = self._limits.limited(node.task.tags) if node.task.tags else None
        if not limited:
            return False
        self._lines.setdefault(limited, {})[node.slug, index] = turn
        self._ask_at = None  # it has not asked yet
        return True

    def freed(self, tags: Set[str]) -> None:
        """A try of a task with these tags has ended: ask at once if that frees a slot."""
        if self._limits.limited(tags):
            self._ask_at = None

    def next(self) -> Turn | None:
        """A task run that has its slots and is to begin."""
        return self._granted.popleft() if self._granted else None

    def _room(self, free: int | None) -> int:
        return ASKED_AT_ONCE if free is None else min(free - len(self._granted), ASKED_AT_ONCE)

    def pause(self, free: int | None) -> float | None:
        """Seconds until it wants to ask; None while it has no reason to, and while no more task runs can be begun than it may already."""
        if self.asking or not self._lines or self._room(free) <= 0:
            return None
        return 0.0 if self._ask_at is None else max(0.0, (self._ask_at - self._clock.now()).total_seconds())

    def ask(self, free: int | None) -> None:
        """Ask, if it is time to.

        Args:
            free: How many task runs can be begun now; None for any number.
        """
        if self.pause(free) != 0.0:
            return
        most = self._room(free)
        # the first of each line, so that those who wait for one limit hide nobody who waits for another
        first = [key for line in self._lines.values() for key in islice(line, most)]
        self.asking = True
        self._limits.ask(first[:MOST_ASKED], most, self._inbox.put)

    def take(self, answer: SlotAnswer) -> list[tuple[Turn, str]]:
        """Take an answer; those who have to wait and have not been told so, each with why."""
        self.asking = False
        news: list[tuple[Turn, str]] = []
        for limited, line in list(self._lines.items()):
            for key in [k for k in islice(line, ASKED_AT_ONCE) if k in answer.granted]:
                self._granted.append(line.pop(key))
                self._told.discard(key)
            for key in islice(line, ASKED_AT_ONCE):
                why = answer.waiting.get(key)
                if why is not None and key not in self._told:
                    self._told.add(key)
                    news.append((line[key], why))
            if not line:
                del self._lines[limited]
        if any(answer.waiting.values()):
            self._ask_at = self._clock.now() + answer.retry_after
        return news
