"""Who gets a slot of a concurrency limit: a pure account of the limits that some runs ask for, as they were when they were locked.

A limit of kind `task_tag` is held by task runs while they run, one of kind `flow_label` by flow runs while somebody owns them. Who asks
for several gets all of them or none. The line is first come, first served: nobody is let in before one who waits for the same limit, so
nobody starves, and those who wait for several limits stand in all their lines in one order, so no two wait for each other. What a limit
counts is what stands in its table; lowering it takes nothing from those who hold a slot.

Failure cases: one that waits and stops asking holds nobody up (it does not count until it asks again; see limits.sql). A holder whose
process is lost gives its slots back with its lease; one that ends, is cancelled or deleted, with that; all of it in the transaction that
stores it (app.slots). A slot given to a task run that never begins is freed by the same rule, as its flow run is owned.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from towpath_proto.states import RUNNING

TASK_TAG, FLOW_LABEL = "task_tag", "flow_label"

SHUT = 1_000_000
"""Places before everybody's under a limit that lets nothing run."""
Key = tuple[UUID, UUID | None]
"""(flow run, task run); without a task run the flow run itself."""

HOLDING = RUNNING | {"Queued", "Submitted", "Looped"}
"""States in which a task run keeps its slots, and its place in the line: a loop keeps them from one turn to the next."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit as it was locked.

    Attributes:
        size: Slots.
        held: Slots that are taken.
        line: Those who wait.
    """

    id: UUID
    kind: str
    name: str
    size: int
    held: int = 0
    line: int = 0

    def describe(self) -> str:
        """What people call it."""
        return f"{'tag' if self.kind == TASK_TAG else 'label'} {self.name!r} ({self.size})"


@dataclass(frozen=True, slots=True)
class Place:
    """What one who asks has of a limit already: the slot, or a place in the line with so many before it."""

    held: bool
    ahead: int = 0


@dataclass(slots=True)
class Line:
    """The limits that are locked, and what has been decided in this transaction.

    Attributes:
        limits: By id.
        needs: Which limits each run that may ask comes under.
        places: What they have already.
    """

    limits: Mapping[UUID, Limit]
    needs: Mapping[Key, tuple[UUID, ...]]
    places: Mapping[tuple[Key, UUID], Place]
    _joined: dict[tuple[Key, UUID], int] = field(default_factory=dict)  # who was at the end of a line, and how many stood before
    _more: dict[UUID, int] = field(default_factory=dict)
    _fewer: dict[UUID, int] = field(default_factory=dict)
    granted: dict[Key, bool] = field(default_factory=dict)
    """Who asked, in order, and whether they were let in."""
    left: set[Key] = field(default_factory=set)
    """Who gave back what they had; who asks again after that is new."""

    def ask(self, key: Key, *, goes_on: bool = False) -> tuple[Limit, ...]:
        """Ask for all slots that a run needs.

        Args:
            key: Who asks; asking again answers the same.
            goes_on: It runs already, so it is let in whatever the limit says.

        Returns:
            The limits that are in its way; none when it has its slots.
        """
        wanted = self._wanted(key)
        if not wanted:
            return ()
        ranks = {i: self._rank(key, i) for i in wanted}
        in_the_way = () if goes_on else tuple(self.limits[i] for i in wanted if ranks[i] >= self.limits[i].size)
        if not self.granted.get(key):
            self.granted[key] = not in_the_way
        return in_the_way

    def ends_before(self, key: Key) -> int:
        """How many holders must give a slot back before one who waits is let in, under the limit where that is most; many for one of 0."""
        return max((self._rank(key, i) - self.limits[i].size + 1 if self.limits[i].size else SHUT for i in self._wanted(key)), default=0)

    def leave(self, key: Key) -> None:
        """Give back, within this transaction, what a run holds; twice is once."""
        self.granted.pop(key, None)
        if key in self.left:
            return
        for i in self.needs.get(key, ()):
            place = self._place(key, i)
            if place is not None and place.held:
                self._fewer[i] = self._fewer.get(i, 0) + 1
        self.left.add(key)

    def _place(self, key: Key, limit_id: UUID) -> Place | None:
        return None if key in self.left else self.places.get((key, limit_id))

    def _wanted(self, key: Key) -> list[UUID]:
        if self.granted.get(key):
            return []
        places = ((i, self._place(key, i)) for i in self.needs.get(key, ()))
        return [i for i, place in places if place is None or not place.held]

    def _rank(self, key: Key, limit_id: UUID) -> int:
        """How many are before it: all who hold a slot or wait longer. Letting one in from the line changes no rank."""
        limit, place = self.limits[limit_id], self._place(key, limit_id)
        ahead = self._join(key, limit) if place is None else place.ahead
        return limit.held - self._fewer.get(limit_id, 0) + ahead

    def _join(self, key: Key, limit: Limit) -> int:
        """Stand at the end of a line, unless it does already; how many are before it there."""
        if (key, limit.id) not in self._joined:
            before = self._more.get(limit.id, 0)
            self._joined[key, limit.id], self._more[limit.id] = limit.line + before, before + 1
        return self._joined[key, limit.id]


def waiting_for(limits: Iterable[Limit]) -> str:
    """A sentence for the state of who waits."""
    return f"Waits for a free slot of the limit on {' and '.join(limit.describe() for limit in limits)}."
