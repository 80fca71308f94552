"""The port between the engine and what runs its work."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from typing import Any, Protocol


class Future(Protocol):
    """The outcome of a call, now or later. `concurrent.futures.Future` and Dask's are such futures."""

    def done(self) -> bool:
        """Whether the call has ended."""
        ...

    def result(self) -> Any:
        """What the call returned; raises what it raised."""
        ...

    def add_done_callback(self, callback: Callable[[Any], None], /) -> object:
        """Call `callback(future)` once the call has ended, from any thread."""
        ...


class Executor(Protocol):
    """Runs functions, and returns futures.

    Attributes:
        slots: How many calls it can run at once. The engine submits no more than that, so that what has not begun can still be cancelled;
            None means that the executor keeps a queue of its own.
        inline: Whether `submit` runs the call itself, in the caller's thread, and returns when it has ended.
    """

    slots: int | None
    inline: bool

    def start(self) -> AbstractContextManager[Any]:
        """Get ready, inside the `with` block; leave nothing running behind it."""
        ...

    def submit(self, fn: Callable[..., Any], shared: Any, /, *args: Any, name: str, tags: Collection[str]) -> Future:
        """Run `fn(shared, *args)`.

        In the engine's own process it runs with a copy of the caller's context variables. In another one, log records that it makes are
        given to the same loggers here, with the context `log_context` of the caller's; and where its process dies, the future raises
        `WORKER_LOST` and the executor goes on with another process.

        Args:
            fn: A function that can be imported.
            shared: The argument that many calls have in common, as the same object; never changed by a call.
            *args: The other arguments. What is big in them (a value of a dict) is sent to a place once while it is the same object.
            name: What to call it.
            tags: Wishes of its author about where to run it.
        """
        ...

    def interrupt(self) -> None:
        """End the run's work: calls that run now stop as soon as they can, others do not begin. From any thread, more than once."""
        ...
