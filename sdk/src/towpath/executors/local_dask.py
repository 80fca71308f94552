"""`LocalDaskExecutor`: tasks side by side on this machine, in threads or processes. dask itself is not needed."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from towpath.errors import FlowError
from towpath.executors.local import LocalExecutor
from towpath.executors.threads import ThreadPool
from towpath_proto.errors import Code

if TYPE_CHECKING:
    from towpath.executors.port import Executor, Future

_SCHEDULERS = {
    **dict.fromkeys(("threads", "threaded", "threading"), "threads"),
    **dict.fromkeys(("processes", "multiprocessing"), "processes"),
    **dict.fromkeys(("synchronous", "sync", "single-threaded"), "synchronous"),
}


class LocalDaskExecutor:
    """Runs tasks side by side on this machine. The name and the arguments are Prefect 1's.

    Args:
        scheduler: "threads" (default; synonyms "threaded", "threading"): threads of this process, for tasks that wait or compute in C.
            "processes" ("multiprocessing"): a process for each worker, for tasks that compute in Python or may crash; what tasks take and
            return must be picklable. "synchronous" ("sync", "single-threaded"): one after the other, in the engine's own thread.
        num_workers: Number of threads or processes; default that of the CPUs, and at least 4 threads.

    Raises:
        FlowError: BAD_SETTING.
    """

    def __init__(self, scheduler: str = "threads", num_workers: int | None = None) -> None:
        if scheduler not in _SCHEDULERS:
            names = ", ".join(repr(name) for name in dict.fromkeys(_SCHEDULERS.values()))
            raise FlowError(Code.BAD_SETTING, f"LocalDaskExecutor has no scheduler {scheduler!r}; choose one of {names}")
        if num_workers is not None and num_workers < 1:
            raise FlowError(Code.BAD_SETTING, f"num_workers must be at least 1, got {num_workers}")
        self.scheduler = _SCHEDULERS[scheduler]
        self.num_workers = num_workers
        cpus = os.cpu_count() or 1
        self._pool: Executor
        if self.scheduler == "threads":
            self._pool = ThreadPool(num_workers or max(4, cpus))
        elif self.scheduler == "processes":
            from towpath.executors.processes import ProcessPool

            self._pool = ProcessPool(num_workers or cpus)
        else:
            self._pool = LocalExecutor()
        self.slots = self._pool.slots
        self.inline = self._pool.inline

    def start(self) -> AbstractContextManager[Any]:
        """Get ready; wait at the end for what still runs."""
        return self._pool.start()

    def submit(self, fn: Callable[..., Any], shared: Any, /, *args: Any, name: str = "", tags: Collection[str] = ()) -> Future:
        """Run it as soon as a worker is free."""
        return self._pool.submit(fn, shared, *args, name=name, tags=tags)

    def interrupt(self) -> None:
        """End what runs. A thread inside a long call in C ends that call first; a process that does not end is killed."""
        self._pool.interrupt()

    def __reduce__(self) -> tuple[Any, ...]:
        # Locks and pools are made anew where the flow is loaded, for the CPUs that are there.
        return type(self), (self.scheduler, self.num_workers)

    def __repr__(self) -> str:
        return f"<LocalDaskExecutor: {self.scheduler}, {self.slots} at once>"
