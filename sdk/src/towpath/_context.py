"""The context: what a task may ask about its run (`towpath.context.flow_run_id`), safe with threads.

Values live in frames. A frame is a plain dict and a pointer to the frame around it; the current one is held by a context variable. So the
engine enters a task by one variable write, and nothing is copied or merged. Looked-up keys are those of Prefect 1: `parameters`, `date`,
`today`, `yesterday`, `tomorrow` (each with `_nodash`), `scheduled_start_time`, `flow_name`, `flow_id`, `flow_run_id`, `flow_run_name`,
`flow_run_version`, `flow_run_attempt`, `project_name`, `project_id`, `task_name`, `task_slug`, `task_full_name`, `task_id`,
`task_run_id`, `task_run_count`, `task_tags`, `task_loop_count`, `task_loop_result`, `map_index`, `resume`, `checkpointing`,
`running_with_backend`, `logger`, and whatever the caller of a run passed as its context.

The module is private because `towpath.context` is the object, and a module of that name would take its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any


class Frame:
    """One layer of the context: some values and the layer around it."""

    __slots__ = ("parent", "values")

    def __init__(self, values: Mapping[str, Any], parent: Frame | None = None) -> None:
        self.values = values
        self.parent = parent


current_frame: ContextVar[Frame | None] = ContextVar("towpath_frame", default=None)
"""The innermost frame of this thread of execution. The engine writes it; everybody else uses `context`."""

_ABSENT = object()


class Context:
    """Reads the current frames like a mapping or like attributes; called with values, it is a `with` block that adds them."""

    def get(self, key: str, default: Any = None) -> Any:
        """The value of `key` in the innermost frame that has it, else `default`."""
        frame = current_frame.get()
        while frame is not None:
            found = frame.values.get(key, _ABSENT)
            if found is not _ABSENT:
                return found
            frame = frame.parent
        if key == "logger":
            return _logger(self)
        return default

    def __getitem__(self, key: str) -> Any:
        found = self.get(key, _ABSENT)
        if found is _ABSENT:
            raise KeyError(key)
        return found

    def __getattr__(self, key: str) -> Any:
        if key.startswith("__"):
            raise AttributeError(key)
        found = self.get(key, _ABSENT)
        if found is _ABSENT:
            raise AttributeError(f"the context has no {key!r} here; it may only exist inside a running task")
        return found

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self.get(key, _ABSENT) is not _ABSENT

    def __iter__(self) -> Iterator[str]:
        return iter(self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """All values that can be seen from here, as one new dict."""
        frames = []
        frame = current_frame.get()
        while frame is not None:
            frames.append(frame.values)
            frame = frame.parent
        merged: dict[str, Any] = {}
        for values in reversed(frames):
            merged.update(values)
        return merged

    @contextmanager
    def __call__(self, **values: Any) -> Iterator[Context]:
        """Add `values` to the context inside the `with` block."""
        token = current_frame.set(Frame(values, current_frame.get()))
        try:
            yield self
        finally:
            current_frame.reset(token)

    def __repr__(self) -> str:
        return f"<Context: {', '.join(sorted(self.to_dict()))}>"


def _logger(here: Context) -> Any:
    from towpath.logs import get_logger

    name = here.get("task_name")
    return get_logger(f"task.{name}" if name else None)


context = Context()
"""The context of whatever runs here."""
