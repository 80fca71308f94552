"""Finds what in a flow cannot be pickled, and says where it is. Used only after pickling has failed."""

from __future__ import annotations

import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from towpath.core.flow import Flow

_DEEPEST = 8


@dataclass(frozen=True, slots=True)
class Culprit:
    """The innermost object that cannot be pickled.

    Attributes:
        path: The steps to it, from the flow inwards.
        type_name: Its type.
        reason: What pickling said.
    """

    path: tuple[str, ...]
    type_name: str
    reason: str

    def sentence(self) -> str:
        """The finding, and what to do."""
        where = f"{', '.join(self.path)}: " if self.path else ""
        return f"{where}a {self.type_name} cannot be sent to another process ({self.reason}); make it inside the task that uses it"

    def detail(self) -> dict[str, Any]:
        """The finding for programs."""
        return {"path_to_object": list(self.path), "type": self.type_name}


def found_in(thing: Any, error: Exception) -> Culprit:
    """The innermost object in `thing` (a flow, a task, a value) that cannot be pickled."""
    path, thing, reason = _search(thing, (), str(error), set(), 0)
    kind = type(thing)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return Culprit(path, name, reason)


def _search(thing: Any, path: tuple[str, ...], reason: str, seen: set[int], depth: int) -> tuple[tuple[str, ...], Any, str]:
    seen.add(id(thing))
    if depth < _DEEPEST:
        for step, part in _parts(thing):
            if id(part) in seen:
                continue
            why = _why_not(part)
            if why is not None:
                return _search(part, (*path, step) if step else path, why, seen, depth + 1)
    return path, thing, reason


def _why_not(thing: Any) -> str | None:
    import cloudpickle

    try:
        cloudpickle.dumps(thing)
    except Exception as error:
        return str(error) or repr(error)
    return None


def _parts(thing: Any) -> Iterator[tuple[str, Any]]:
    from towpath.core.flow import Flow

    if isinstance(thing, Flow):
        yield from _parts_of_flow(thing)
    elif isinstance(thing, types.FunctionType):
        yield from _parts_of_function(thing)
    elif isinstance(thing, types.MethodType):
        yield "", thing.__self__
        yield "", thing.__func__
    elif isinstance(thing, dict):
        for key, value in thing.items():
            yield f"item {key!r}", value
    elif isinstance(thing, list | tuple | set | frozenset):
        for index, value in enumerate(thing):
            yield f"item {index}", value
    elif isinstance(thing, type):
        for name, value in vars(thing).items():
            yield f"class attribute {name!r}", value
    else:
        yield from _attributes(thing)
        if type(thing).__module__ == "__main__":
            yield f"class {type(thing).__name__!r}", type(thing)


def _attributes(thing: Any) -> Iterator[tuple[str, Any]]:
    slots = [name for kind in type(thing).__mro__ for name in vars(kind).get("__slots__", ()) if hasattr(thing, name)]
    found = {name: getattr(thing, name) for name in slots} if not isinstance(thing, type) else {}
    for name, value in {**found, **getattr(thing, "__dict__", {})}.items():
        yield ("" if name in {"run", "_result", "_value"} else f"attribute {name!r}"), value


def _parts_of_flow(flow: Flow) -> Iterator[tuple[str, Any]]:
    for task, slug in flow.slugs.items():
        yield f"task {task.name!r}" if slug.endswith("-1") else f"task {slug!r}", task
    for task, values in flow.constants.items():
        for name, value in values.items():
            yield f"argument {name!r} of task {task.name!r}", value
    for name, value in vars(flow).items():
        if name not in {"constants", "_graph", "_known_plan", "_entered"}:
            yield f"the flow's {name.strip('_')}", value


def _parts_of_function(function: types.FunctionType) -> Iterator[tuple[str, Any]]:
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield f"closure variable {name!r}", cell.cell_contents
        except ValueError:  # not assigned yet
            continue
    for name in _names(function.__code__):
        if name in function.__globals__:
            yield f"global variable {name!r}", function.__globals__[name]
    for value in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
        yield "a default argument", value


def _names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)
