"""Towpath: author flows, run them, talk to a Towpath backend.

The names here are loaded when they are first used, so that `import towpath` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from towpath_proto import __version__

if TYPE_CHECKING:
    from towpath._context import context
    from towpath.client import Client
    from towpath.core.apply_map import apply_map
    from towpath.core.edges import flatten, mapped, unmapped
    from towpath.core.flow import Flow
    from towpath.core.parameter import DateTimeParameter, Parameter
    from towpath.core.resources import resource_manager
    from towpath.core.task import Task, tags, task
    from towpath.logs import get_logger
    from towpath.tasks.control_flow.case import case

_HOME = {
    "Client": "towpath.client",
    "DateTimeParameter": "towpath.core.parameter",
    "Flow": "towpath.core.flow",
    "Parameter": "towpath.core.parameter",
    "Task": "towpath.core.task",
    "apply_map": "towpath.core.apply_map",
    "case": "towpath.tasks.control_flow.case",
    "context": "towpath._context",
    "flatten": "towpath.core.edges",
    "get_logger": "towpath.logs",
    "mapped": "towpath.core.edges",
    "resource_manager": "towpath.core.resources",
    "tags": "towpath.core.task",
    "task": "towpath.core.task",
    "unmapped": "towpath.core.edges",
}

__all__ = [
    "Client",
    "DateTimeParameter",
    "Flow",
    "Parameter",
    "Task",
    "__version__",
    "apply_map",
    "case",
    "context",
    "flatten",
    "get_logger",
    "mapped",
    "resource_manager",
    "tags",
    "task",
    "unmapped",
]


_SUBMODULES = {"backoff", "engine", "errors", "executors", "run_configs", "schedules", "storage", "tasks", "triggers", "utilities"}


def __getattr__(name: str) -> Any:
    if name in _SUBMODULES:
        return import_module(f"towpath.{name}")
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'towpath' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(home), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
