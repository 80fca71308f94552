"""Signals: a task raises one to end in a state of its choice.

They derive from `BaseException`, so that `except Exception` in user code does not swallow them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from towpath.engine import state as s


class Signal(BaseException):
    """Base of all signals; `state` is the state that the task ends in."""

    state_class: ClassVar[type[s.State]] = s.Finished

    def __init__(self, message: str | None = None, **fields: Any) -> None:
        super().__init__(message)
        self._fields = fields
        if issubclass(self.state_class, s.Failed):
            fields = {"result": self, **fields}
        elif self.state_class is s.Success:
            fields = {"result": None, **fields}
        self.state = self.state_class(message, **fields)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), self.args[0], self._fields))


def _rebuild(kind: type[Signal], message: str | None, fields: dict[str, Any]) -> Signal:
    return kind(message, **fields)


class FAIL(Signal):
    """End as Failed."""

    state_class = s.Failed


class TRIGGERFAIL(FAIL):
    """Of a trigger: end as TriggerFailed."""

    state_class = s.TriggerFailed


class VALIDATIONFAIL(FAIL):
    """End as ValidationFailed."""

    state_class = s.ValidationFailed


class SUCCESS(Signal):
    """End as Success; `result=` is the value."""

    state_class = s.Success


class SKIP(Signal):
    """End as Skipped; so do the tasks downstream, unless they say otherwise."""

    state_class = s.Skipped


class RETRY(Signal):
    """Run this task once more at `start_time` (default: now), beside its `max_retries`."""

    state_class = s.Retrying

    def __init__(self, message: str | None = None, *, start_time: datetime | None = None, **fields: Any) -> None:
        super().__init__(message, start_time=start_time, **fields)


class PAUSE(Signal):
    """Wait until a person resumes this task, or until `start_time`."""

    state_class = s.Paused

    def __init__(self, message: str | None = None, *, start_time: datetime | None = None, **fields: Any) -> None:
        super().__init__(message, start_time=start_time, **fields)


class LOOP(Signal):
    """Run this task again; `result=` is what the next turn finds as `context.task_loop_result`."""

    state_class = s.Looped

    def __init__(self, message: str | None = None, *, result: Any = None, loop_count: int | None = None, **fields: Any) -> None:
        if loop_count is None:
            from towpath._context import context

            loop_count = context.get("task_loop_count", 1)
        super().__init__(message, result=result, loop_count=loop_count, **fields)


class ENDRUN(Signal):
    """End in exactly the given state."""

    def __init__(self, state: s.State) -> None:
        BaseException.__init__(self, state.message)
        self._fields = {}
        self.state = state

    def __reduce__(self) -> tuple[Any, ...]:
        return (ENDRUN, (self.state,))
