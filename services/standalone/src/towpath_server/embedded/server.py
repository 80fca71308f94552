"""The life of an embedded server: started, stopped, seen to fail, restarted. What the server is, its subclass says.

`start` and `stop` may be called in any order, any number of times and concurrently; they take turns. A start that fails or is cancelled
leaves nothing behind. A server that ends unasked is reported by `wait_failed`; it is never restarted behind its owner's back.
"""

from __future__ import annotations

import abc
import asyncio

from towpath_proto.errors import Code, TowpathError
from towpath_server.embedded.process import ServerProcess, describe_exit


class EmbeddedServer(abc.ABC):
    """Base of the embedded servers. Subclasses say how to launch, to stop and to let go."""

    name: str
    """What the server is called in logs and messages."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._process: ServerProcess | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._failed = asyncio.Event()
        self._failure = ""

    @abc.abstractmethod
    async def _launch(self) -> ServerProcess:
        """Start the process and return when it serves; clean up after a failure."""

    @abc.abstractmethod
    async def _shut_down(self, process: ServerProcess) -> None:
        """End the process."""

    @abc.abstractmethod
    def _release(self) -> None:
        """Give back what `_launch` took: locks, files."""

    async def start(self) -> None:
        """Start the server; returns when it accepts connections. No effect on one that runs.

        Raises:
            TowpathError: With a code that says what is in the way.
        """
        async with self._turn:
            await self._start()

    async def stop(self) -> None:
        """Stop the server in an orderly way. No effect on one that does not run."""
        async with self._turn:
            await self._stop()

    async def restart(self) -> None:
        """Stop what is left of the server and start it again."""
        async with self._turn:
            await self._stop()
            await self._start()

    async def wait_failed(self) -> str:
        """Wait until the server has ended without having been asked to; the reason in words."""
        await self._failed.wait()
        return self._failure

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int:
        """The process id of the server.

        Raises:
            TowpathError: `NOT_RUNNING`.
        """
        if self._process is None:
            raise TowpathError(Code.NOT_RUNNING, f"The embedded {self.name} has not been started.")
        return self._process.pid

    async def _start(self) -> None:
        if self.running:
            return
        if self._process is not None:
            await self._stop()
        try:
            process = await self._launch()
        except BaseException:
            self._release()
            raise
        self._process = process
        self._failed.clear()
        self._watcher = asyncio.create_task(self._watch(process), name=f"watch {self.name}")

    async def _stop(self) -> None:
        process, self._process = self._process, None
        watcher, self._watcher = self._watcher, None
        if watcher is not None:
            watcher.cancel()
            await asyncio.gather(watcher, return_exceptions=True)
        if process is None:
            return
        try:
            await self._shut_down(process)
        finally:
            self._release()

    async def _watch(self, process: ServerProcess) -> None:
        returncode = await process.wait()
        self._failure = f"The embedded {self.name} (process {process.pid}) has ended: {describe_exit(returncode)}."
        self._failed.set()
