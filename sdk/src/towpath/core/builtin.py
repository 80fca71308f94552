"""Tasks that flows make by themselves: collections around tasks, constants that are mapped over, operators and indexing.

They are cheap and pure: a resumed run computes them again when their value is needed, so their results are never stored.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from towpath.core.task import Task

if TYPE_CHECKING:
    from towpath.core.flow_graph import FlowGraph


class _BuiltIn(Task):
    recompute_on_resume = True
    auto_generated = True

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name, checkpoint=False)


class Constant(_BuiltIn):
    """A constant that is mapped over; other constants stay out of the graph."""

    def __init__(self, value: Any, name: str | None = None) -> None:
        super().__init__(name or type(value).__name__.capitalize())
        self.value = value

    def run(self) -> Any:
        """The constant."""
        return self.value


class List(_BuiltIn):
    """A list with tasks in it. Its inputs are `arg_1`, `arg_2`, …"""

    def run(self, **items: Any) -> Any:
        """The list of the inputs."""
        return list(_in_order(items))


class Tuple(_BuiltIn):
    """A tuple with tasks in it."""

    def run(self, **items: Any) -> Any:
        """The tuple of the inputs."""
        return tuple(_in_order(items))


class Set(_BuiltIn):
    """A set with tasks in it."""

    def run(self, **items: Any) -> Any:
        """The set of the inputs."""
        return set(items.values())


class Dict(_BuiltIn):
    """A dict with tasks among its values."""

    def __init__(self, keys: list[Any]) -> None:
        super().__init__()
        self.keys = keys

    def run(self, **items: Any) -> Any:
        """The dict of the keys and the inputs."""
        return dict(zip(self.keys, _in_order(items), strict=True))


def _in_order(items: dict[str, Any]) -> list[Any]:
    return [items[f"arg_{number}"] for number in range(1, len(items) + 1)]


class BinaryOperator(_BuiltIn):
    """An operator between two inputs."""

    def __init__(self, name: str, function: Callable[[Any, Any], Any]) -> None:
        super().__init__(name)
        self.function = function

    def run(self, x: Any, y: Any) -> Any:
        """The operator's value."""
        return self.function(x, y)


class Not(_BuiltIn):
    """Python's `not`."""

    def run(self, x: Any) -> bool:
        """Whether `x` is false."""
        return not x


class GetItem(_BuiltIn):
    """Indexing: `task[key]`."""

    def run(self, task_result: Any, key: Any) -> Any:
        """The element."""
        return task_result[key]


_COLLECTIONS: dict[type, Callable[[Any], Task]] = {
    list: lambda value: List(),
    tuple: lambda value: Tuple(),
    set: lambda value: Set(),
    dict: lambda value: Dict(list(value)),
}


def holds_task(value: Any) -> bool:
    """Whether `value` is a task, or a collection with a task somewhere in it."""
    if isinstance(value, Task):
        return True
    kind = type(value)
    if kind is dict:
        return any(holds_task(item) for item in value.values())
    return kind in _COLLECTIONS and any(holds_task(item) for item in value)


def as_task(value: Any, flow: FlowGraph) -> Task:
    """`value` as a task of `flow`: itself, a collection of its items, or a constant."""
    if isinstance(value, Task):
        return value
    if not holds_task(value):
        return Constant(value)
    task = _COLLECTIONS[type(value)](value)
    items = value.values() if isinstance(value, dict) else value
    flow.set_dependencies(task, keyword_tasks={f"arg_{number}": item for number, item in enumerate(items, 1)})
    return task
