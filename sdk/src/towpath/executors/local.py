"""Runs tasks one after the other, in the thread of the engine. The default."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from towpath.executors.port import Future


class _Done:
    """A future whose call has ended."""

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        self._value = value

    def done(self) -> bool:
        return True

    def result(self) -> Any:
        return self._value

    def add_done_callback(self, callback: Callable[[Any], None], /) -> None:
        callback(self)


class LocalExecutor:
    """Runs each call at once, in the caller's thread; maps go depth-first."""

    slots: int | None = 1
    inline = True

    def start(self) -> AbstractContextManager[Any]:
        """Nothing to get ready."""
        return nullcontext()

    def submit(self, fn: Callable[..., Any], shared: Any, /, *args: Any, name: str = "", tags: Collection[str] = ()) -> Future:
        """Run it now; what it raises goes to the caller."""
        return _Done(fn(shared, *args))

    def interrupt(self) -> None:
        """The engine interrupts its own thread itself."""
