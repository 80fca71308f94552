"""Edges of a flow's graph, and the wrappers by which an author says how an input is to be passed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from towpath.core.task import Task


@dataclass(frozen=True, slots=True)
class Edge:
    """Says that one task follows another.

    Attributes:
        upstream_task: The task that comes first.
        downstream_task: The task that follows it.
        key: The argument that gets the upstream value; None when only the order matters.
        mapped: Whether each element of the upstream value is for one child.
        flattened: Whether the upstream value is a list of lists, to be joined into one list first.
    """

    upstream_task: Task
    downstream_task: Task
    key: str | None = None
    mapped: bool = False
    flattened: bool = False

    def __repr__(self) -> str:
        return f"<Edge {self.key or ''}: {self.upstream_task.name} to {self.downstream_task.name}>"


class EdgeAnnotation:
    """Base of the wrappers around an input; `value` is a task or a constant."""

    __slots__ = ("flattened", "mapped", "value")

    def __init__(self, value: Any) -> None:
        inner = value if isinstance(value, EdgeAnnotation) else None
        self.value: Any = inner.value if inner else value
        self.mapped: bool | None = inner.mapped if inner else None
        self.flattened: bool = inner.flattened if inner else False


class unmapped(EdgeAnnotation):  # noqa: N801 - part of Prefect 1's surface
    """In a map: pass the value whole to every child."""

    __slots__ = ()

    def __init__(self, value: Any) -> None:
        super().__init__(value)
        self.mapped = False


class mapped(EdgeAnnotation):  # noqa: N801 - part of Prefect 1's surface
    """In a plain call: map over this value (`f(mapped(xs), y)` is `f.map(xs, unmapped(y))`)."""

    __slots__ = ()

    def __init__(self, value: Any) -> None:
        super().__init__(value)
        self.mapped = True


class flatten(EdgeAnnotation):  # noqa: N801 - part of Prefect 1's surface
    """Join a list of lists (or the lists of a map's children) into one list before it is passed or mapped over."""

    __slots__ = ()

    def __init__(self, value: Any) -> None:
        super().__init__(value)
        self.flattened = True


@dataclass(frozen=True, slots=True)
class Input:
    """An argument as the author gave it, with its annotation taken apart."""

    value: Any
    mapped: bool
    flattened: bool

    @classmethod
    def of(cls, value: Any, *, map_call: bool) -> Input:
        """Read an argument of a call (`map_call`: of a `.map` call)."""
        if not isinstance(value, EdgeAnnotation):
            return cls(value, map_call, False)
        return cls(value.value, map_call if value.mapped is None else value.mapped, value.flattened)
