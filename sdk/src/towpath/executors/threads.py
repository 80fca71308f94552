"""A pool of threads in the engine's process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from towpath.executors.interrupt import raise_in_thread

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
        self._busy: set[int] = set()
        self._interrupted = False
        self._lock = threading.Lock()

    @contextmanager
    def start(self) -> Iterator[None]:
        """Start the threads; wait for what still runs at the end."""
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(self.slots, thread_name_prefix="towpath-task") as pool:
            self._pool = pool
            self._interrupted = False
            try:
                yield
            finally:
                self._pool = None

    def submit(self, fn: Callable[..., Any], shared: Any, /, *args: Any, name: str = "", tags: Collection[str] = ()) -> Future:
        """Run it in a free thread."""
        if self._pool is None:
            raise RuntimeError("the executor has not been started")
        return self._pool.submit(copy_context().run, self._run, fn, shared, *args)

    def _run(self, fn: Callable[..., Any], *args: Any) -> Any:
        thread = threading.get_ident()
        with self._lock:
            if self._interrupted:  # submitted before the interrupt, begun after it
                raise KeyboardInterrupt
            self._busy.add(thread)
        try:
            return fn(*args)
        finally:
            with self._lock:
                # An interrupt that arrives now must not hit the pool's own code: it would leave a future that never ends.
                self._busy.discard(thread)
                raise_in_thread(thread, None)

    def interrupt(self) -> None:
        """Raise KeyboardInterrupt, once, in the threads that run something; a blocking call in C ends first."""
        with self._lock:
            self._interrupted = True
            for thread in self._busy:
                raise_in_thread(thread, KeyboardInterrupt)
            self._busy.clear()
