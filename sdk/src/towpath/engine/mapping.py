"""Mapping: how wide a mapped task is, and what each child takes. Values come in; nothing is run or read here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from towpath.engine.state import Mapped, Skipped, State, Success
from towpath.errors import FlowError
from towpath_proto.errors import Code


class Source:
    """What the children of a mapped task take over one mapped edge: a value and an upstream state for each index."""

    __slots__ = ("_state", "_states", "_values")

    def __init__(self, values: Sequence[Any] | None, state: State, states: Sequence[State] | None = None) -> None:
        self._values = values
        self._state = state
        self._states = states

    @property
    def width(self) -> int | None:
        """Number of elements; None if every child takes the same, because there is nothing to spread."""
        return None if self._values is None else len(self._values)

    def value_at(self, index: int) -> Any:
        """The value for child `index`."""
        return self._state.result if self._values is None else self._values[index]

    def state_at(self, index: int) -> State:
        """The upstream state for child `index`."""
        return self._state if self._states is None else self._states[index]


@dataclass(slots=True)
class MapRun:
    """A mapped task that has been opened.

    Attributes:
        states: State of each child; None before it is known. Shared with the parent's `map_states`.
        waiting: For each child, how many upstream children it still waits for.
        remaining: How many children have not ended.
        sources: Where children take their values from, by position of the edge; filled when first needed.
        values: The values of all children, once they were needed together.
    """

    states: list[State | None]
    waiting: list[int]
    remaining: int
    sources: dict[int, Source] = field(default_factory=dict)
    values: list[Any] | None = None


def _not_mappable(slug: str, value: Any, what: str) -> FlowError:
    return FlowError(
        Code.NOT_MAPPABLE, f"the result of {slug!r} cannot be {what}: {type(value).__name__} is not a sequence; let it return a list"
    )


def elements(value: Any, slug: str) -> Sequence[Any]:
    """`value` as something that has a length and elements by index.

    Raises:
        FlowError: NOT_MAPPABLE.
    """
    if isinstance(value, Mapping) or not hasattr(value, "__getitem__") or not hasattr(value, "__len__"):
        raise _not_mappable(slug, value, "mapped over")
    sequence: Sequence[Any] = value
    return sequence


def spread(state: State, value: Any, slug: str) -> Source:
    """The source of a plain upstream task; if it failed or was skipped, each child sees that."""
    if isinstance(state, Success) and not isinstance(state, Skipped):
        return Source(elements(value, slug), state)
    return Source(None, state)


def flattened(value: Any, slug: str) -> list[Any]:
    """A list of lists as one list.

    Raises:
        FlowError: NOT_MAPPABLE.
    """
    joined: list[Any] = []
    for part in elements(value, slug):
        joined.extend(elements(part, slug))
    return joined


def flattened_children(children: Sequence[State], values: Sequence[Any], slug: str) -> Source:
    """The source over all elements of all children's lists; a child that failed or was skipped is one element, with its own state."""
    states: list[State] = []
    joined: list[Any] = []
    for child, value in zip(children, values, strict=True):
        parts = elements(value, slug) if isinstance(child, Success) and not isinstance(child, Skipped) else [value]
        joined.extend(parts)
        states.extend([child] * len(parts))
    return Source(joined, Mapped(), states)
