"""A pool of threads in the engine's process."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from towpath.executors.interrupt import Interruptible

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

    from towpath.executors.port import Future


class ThreadPool:
    """Runs calls in threads; see `Executor` for what it promises.

    Args:
        size: Number of threads.
    """

    inline = False

    def __init__(self, size: int) -> None:
        self.slots: int | None = size
        self._pool: ThreadPoolExecutor | None = None
        self._calls = Interruptible()

    @contextmanager
    def start(self) -> Iterator[None]:
        """Start the threads; wait for what still runs at the end."""
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(self.slots, thread_name_prefix="towpath-task") as pool:
            self._pool = pool
            self._calls = Interruptible()
            try:
                yield
            finally:
                self._pool = None

    def submit(self, fn: Callable[..., Any], shared: Any, /, *args: Any, name: str = "", tags: Collection[str] = ()) -> Future:
        """Run it in a free thread."""
        if self._pool is None:
            raise RuntimeError("the executor has not been started")
        return self._pool.submit(copy_context().run, self._calls.run, fn, shared, *args)

    def interrupt(self) -> None:
        """Raise KeyboardInterrupt, once, in the threads that run something; a blocking call in C ends first."""
        self._calls.interrupt()
