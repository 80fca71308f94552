"""Parameters: the inputs of a flow, given anew for each run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from towpath._context import context
from towpath.core.task import Task
from towpath.engine.results import PrefectResult

_NONE_GIVEN: Any = object()


class Parameter(Task):
    """An input of a flow; its value is a task result like any other.

    Args:
        name: Its name, unique in a flow.
        default: The value where a run gives none. Without it, the parameter is required.
        required: Whether a run must give a value; default: when there is no default.
        tags: As for `Task`.
    """

    recompute_on_resume = True

    def __init__(self, name: str, default: Any = _NONE_GIVEN, required: bool | None = None, tags: Iterable[str] | None = None) -> None:
        self.required = default is _NONE_GIVEN if required is None else required
        self.default = None if default is _NONE_GIVEN else default
        super().__init__(name, slug=name, tags=tags, result=PrefectResult())

    def run(self) -> Any:
        """The value of this run."""
        given: dict[str, Any] = context.get("parameters") or {}
        return given.get(self.name, self.default)

    def __repr__(self) -> str:
        return f"<Parameter: {self.name}>"
