"""Runs tasks in a pool of threads."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from towpath.errors import FlowError
from towpath.executors.interrupt import raise_in_thread
from towpath_proto.errors import Code

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

    from towpath.executors.port import Future


class LocalDaskExecutor:
    """Runs tasks in threads of this process. The name and the arguments are Prefect 1's; dask itself is not needed.

    Args:
        scheduler: "threads" (or its synonym "threaded").
        num_workers: Number of threads; default that of the CPUs, and at least 4.
    """

    inline = False

    def __init__(self, scheduler: str = "threads", num_workers: int | None = None) -> None:
        if scheduler not in {"threads", "threaded"}:
            raise FlowError(Code.BAD_SETTING, f"LocalDaskExecutor runs threads; scheduler={scheduler!r} is not available, use 'threads'")
        if num_workers is not None and num_workers < 1:
            raise FlowError(Code.BAD_SETTING, f"num_workers must be at least 1, got {num_workers}")
        self.slots: int | None = num_workers or max(4, os.cpu_count() or 1)
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

    def submit(self, fn: Callable[..., Any], /, *args: Any) -> Future:
        """Run it in a free thread."""
        if self._pool is None:
            raise RuntimeError("the executor has not been started")
        return self._pool.submit(copy_context().run, self._run, fn, *args)

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

    def __getstate__(self) -> dict[str, Any]:
        return {"slots": self.slots}

    def __setstate__(self, state: dict[str, Any]) -> None:
        # Locks and pools are made anew where the flow is loaded.
        LocalDaskExecutor.__init__(self, num_workers=state["slots"])
