"""A Dask cluster of somebody else's, for tests: real processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from distributed import Client

_SCHEDULER = ["distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-show"]
_WORKER = [
    "distributed.cli.dask_worker",
    "--nthreads",
    "1",
    "--no-nanny",
    "--no-dashboard",
    "--host",
    "127.0.0.1",
    "--death-timeout",
    "300",
]


class Foreign:
    """A scheduler and workers, processes that know nothing of Towpath; one worker has a GPU.

    Args:
        folder: For their files.
        python: How they are started; default this environment's Python.
        workers: How many: none, or one without a GPU, or both.
        env: Their environment; default this process's own, without what is Towpath's.

    Attributes:
        address: The scheduler's.
        client: A client that looks at it.
    """

    def __init__(
        self, folder: Path, *, python: Sequence[str] = (sys.executable,), workers: int = 2, env: Mapping[str, str] | None = None
    ) -> None:
        self._processes: list[subprocess.Popen[bytes]] = []
        self.folder = folder
        self._python = python
        self._env = {name: value for name, value in os.environ.items() if not name.startswith("TOWPATH_")} if env is None else dict(env)
        place = folder / "scheduler.json"
        self._start("scheduler", *_SCHEDULER, "--scheduler-file", str(place))
        for name, more in (("plain", ()), ("gifted", ("--resources", "GPU=1")))[:workers]:
            self._start(name, *_WORKER, "--name", name, "--scheduler-file", str(place), "--local-directory", str(folder), *more)
        self.client = Client(scheduler_file=str(place), set_as_default=False, timeout=300)
        if workers:
            self.client.wait_for_workers(workers, timeout=300)
        self.address = str(self.client.scheduler_info()["address"])

    def _start(self, name: str, module: str, *options: str) -> None:
        with (self.folder / f"{name}.log").open("wb") as out:
            command = [*self._python, "-m", module, *options]
            self._processes.append(subprocess.Popen(command, env=self._env, stdin=subprocess.DEVNULL, stdout=out, stderr=out))

    def pids(self) -> dict[str, int]:
        """The workers' processes, by name."""
        return {worker["name"]: self.client.run(os.getpid, workers=[at])[at] for at, worker in self._workers().items()}

    def busy(self) -> list[str]:
        """What workers have been given and not ended."""
        return [key for keys in self.client.processing().values() for key in keys]

    def clients(self) -> list[str]:
        """Who is connected, but for this."""
        found: list[str] = self.client.run_on_scheduler(lambda dask_scheduler: list(dask_scheduler.clients))
        return [name for name in found if name not in ("fire-and-forget", self.client.id)]

    def alive(self) -> bool:
        """Whether each of its processes lives."""
        return all(process.poll() is None for process in self._processes)

    def _workers(self) -> dict[str, Any]:
        found: dict[str, Any] = self.client.scheduler_info(n_workers=-1)["workers"]
        return found

    def close(self) -> None:
        """End all of it."""
        self.client.close()
        for process in self._processes:
            process.kill()  # they have nothing to lose, and say goodbye slowly
            process.wait()
