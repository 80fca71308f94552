"""Values of a request as the compiler may see them, and the record of what it saw.

A compiled plan may be used again for other variables only if every *decision* taken from a variable's value would come
out the same. Rather than guess a "shape", the compiler can look at a value through `Observations.ask` only, which writes
down the question and the answer. A plan is stored under its answers in a `DecisionTree`: because compilation is
deterministic, the first question for a document is always the same, the second depends on the first answer only, and so
on. Looking a plan up means asking the same few questions of the new values. Values that became parameters are never asked
about (beyond "is it null"), so they do not split plans.
"""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from typing import Any, Generic, TypeVar

Key = str | int
"""A variable by name, or a lifted literal by index."""

Values = Mapping[Key, Any]
Step = str | int
P = TypeVar("P")

PRESENCE, KIND, KEYS, LENGTH, VALUE, CEILING = "presence", "kind", "keys", "length", "value", "ceiling"
_MISSING = object()


@dataclass(frozen=True, slots=True)
class Twin:
    """The aspect "is the same as this other literal"."""

    key: Key


Aspect = str | Twin


@dataclass(frozen=True, slots=True)
class Slot:
    """A place inside a variable or lifted literal."""

    key: Key
    steps: tuple[Step, ...] = ()

    def down(self, step: Step) -> "Slot":
        """The place one step further in."""
        return Slot(self.key, (*self.steps, step))

    def read(self, values: Values) -> Any:
        """The value here, None when there is none."""
        found = self._find(values)
        return None if found is _MISSING else found

    def _find(self, values: Values) -> Any:
        value: Any = values.get(self.key, _MISSING)
        for step in self.steps:
            value = value[step]
        return value

    def answer(self, aspect: Aspect, values: Values) -> Any:
        """What the compiler may know of the value, as something hashable."""
        value = self._find(values)
        if isinstance(aspect, Twin):
            return repr(value) == repr(values.get(aspect.key))
        if aspect == PRESENCE:
            return "absent" if value is _MISSING else "null" if value is None else "value"
        if aspect == KIND:
            return "absent" if value is _MISSING else kind_of(value)
        if aspect == KEYS:
            return tuple(value)
        if aspect == LENGTH:
            return len(value)
        if aspect == CEILING:
            return ceiling(value)
        return (type(value), value)


def kind_of(value: Any) -> str:
    """The GraphQL kind of a JSON value."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case str():
            return "string"
        case int():
            return "integer"
        case Decimal() | float():
            return "float"
        case Mapping():
            return "object"
        case _:
            return "list"


_CEILINGS = (0, 1, 4, 16, 64, 256, 1024, 4096, 16_384, 65_536)


def ceiling(value: Any) -> int | None:
    """The nearest of a few round numbers that a number does not exceed; None for what is no number of rows, or a very large one."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _CEILINGS[-1]:
        return None
    return _CEILINGS[bisect_left(_CEILINGS, value)]


Question = tuple[Slot, Aspect]


@dataclass(slots=True)
class Observations:
    """Values, and all that was asked of them so far."""

    values: Values
    trail: list[tuple[Question, Any]] = field(default_factory=list)

    def ask(self, slot: Slot, aspect: Aspect) -> Any:
        """Look at a value and leave a record of it."""
        answer = slot.answer(aspect, self.values)
        self.trail.append(((slot, aspect), answer))
        return answer

    def equal(self, one: Key, other: Key) -> bool:
        """Whether two literals are the same; recorded."""
        return bool(self.ask(Slot(one), Twin(other)))


@dataclass(slots=True)
class _Branch(Generic[P]):
    question: Question
    answers: dict[Any, "_Branch[P] | _Leaf[P]"] = field(default_factory=dict)


@dataclass(slots=True)
class _Leaf(Generic[P]):
    plan: P


class DecisionTree(Generic[P]):
    """The plans of one document, found by the questions that made them.

    Attributes:
        size: how many plans have been stored since the tree last started anew.
        weight: bytes that these weigh.
    """

    def __init__(self, *, limit: int, room: int) -> None:
        """An empty tree for so many plans, of together so many bytes."""
        self._limit = limit
        self._room = room
        self._top: _Branch[P] | _Leaf[P] | None = None
        self.size = 0
        self.weight = 0

    def find(self, values: Values) -> P | None:
        """The plan compiled for values that answer the same, if there is one."""
        node = self._top
        while node is not None:
            if isinstance(node, _Leaf):
                return node.plan
            slot, aspect = node.question
            node = node.answers.get(slot.answer(aspect, values))
        return None

    def store(self, trail: list[tuple[Question, Any]], plan: P, weight: int) -> None:
        """Keep a plan of so many bytes under its answers, if it fits at all; a tree that is full starts anew."""
        if weight > self._room:
            return
        if self.size >= self._limit or self.weight + weight > self._room:
            self._top, self.size, self.weight = None, 0, 0
        path = _without_repeats(trail)
        self.size += 1
        self.weight += weight
        if not path:
            self._top = _Leaf(plan)
            return
        if not isinstance(self._top, _Branch):
            self._top = _Branch(path[0][0])
        branch = self._top
        for (_, answer), (following, _) in pairwise(path):
            below = branch.answers.get(answer)
            if not isinstance(below, _Branch):
                below = branch.answers[answer] = _Branch(following)
            branch = below
        branch.answers[path[-1][1]] = _Leaf(plan)


def _without_repeats(trail: list[tuple[Question, Any]]) -> list[tuple[Question, Any]]:
    return list(dict(trail).items())
