"""A pool of processes that lose nobody's work: a task that kills its process fails alone, and the next call gets a new process.

Workers are fresh interpreters, not forks: the engine's process has threads, and a fork of it would inherit their locks half-way. They are
started when a call finds none idle, and import only what a task needs. No script is run again in them; what it defines travels by value.

One thread of the pool listens to all workers: answers, log records, deaths. The engine's thread sends, and starts workers, since the kernel
ends a worker with the thread that started it.
"""

from __future__ import annotations

import os
import pickle
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from contextvars import copy_context
from multiprocessing.connection import Connection, Pipe
from typing import Any

from towpath.errors import TowpathError
from towpath.executors.parcels import Parcels, references
from towpath.executors.pickling import unpacked
from towpath.executors.worker import INTERRUPTED, RETURNED
from towpath.log_relay import Joining, levels, replay
from towpath.processes import clause, describe_signal, memory_events_file, oom_kills
from towpath.storage import scripts_by_value
from towpath_proto.errors import Code

GRACE = 5.0
"""Seconds between an interrupt and the kill of a worker whose task has not ended."""
LEAVE = 2.0
"""Seconds that idle workers get to end by themselves."""
_WATCH = 0.25  # seconds between two looks whether a worker lives, where the kernel does not tell
_DATAGRAM = 2**20
_TRIES = 3

_START = """
import signal, sys
early = []
signal.signal(signal.SIGINT, lambda *_: early.append(1))
sys.path[:] = {path!r}
from towpath.executors.worker import main
main({calls}, {logs}, {parent}, {levels!r}, early)
"""


class _Worker:
    """One process, as the pool sees it."""

    def __init__(self) -> None:
        ours, theirs = Pipe()
        logs, their_logs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        for end in (logs, their_logs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _DATAGRAM)
        numbers = theirs.fileno(), their_logs.fileno()
        code = _START.format(path=sys.path, calls=numbers[0], logs=numbers[1], parent=os.getpid(), levels=levels())
        try:
            self._memory_events = memory_events_file()
            self._oom_before = oom_kills(self._memory_events)
            self.process = subprocess.Popen([sys.executable, "-c", code], pass_fds=numbers, stdin=subprocess.DEVNULL)
        finally:
            theirs.close()
            their_logs.close()
        self.calls: Connection = ours
        self.logs = logs
        self.joining = Joining()
        logs.setblocking(False)
        self.death = os.pidfd_open(self.process.pid) if hasattr(os, "pidfd_open") else -1
        self.known: set[int] = set()
        self.future: Future[Any] | None = None
        self.interrupted = False
        self.lost = ""  # how it ended

    def send(self, parcels: Parcels, body: Any) -> None:
        """Send a call, and the parcels in it that this worker has not got. A send that breaks off leaves it useless."""
        numbers = references(body)
        missing = sorted(numbers - self.known)
        self.known = (self.known & parcels.data.keys()) | numbers
        self.calls.send_bytes(pickle.dumps((missing, self.known, body)))
        for number in missing:
            self.calls.send_bytes(parcels.data[number])

    def sources(self) -> list[Any]:
        """What there is to listen to."""
        return [self.calls, self.logs, *([self.death] if self.death >= 0 else [])]

    def signal(self, number: int) -> None:
        """Send a signal, if it still lives."""
        with suppress(ProcessLookupError):
            self.process.send_signal(number)

    def how_it_ended(self) -> str:
        """A clause about a process that has been waited for."""
        code = self.process.returncode
        if code >= 0:
            return f"exited with status {code}"
        return clause(describe_signal(-code, oom_killed=oom_kills(self._memory_events) > self._oom_before))

    def close(self) -> None:
        """Let go of everything; the process has ended."""
        self.calls.close()
        self.logs.close()
        if self.death >= 0:
            os.close(self.death)


class ProcessPool:
    """Runs calls in processes; see `Executor` for what it promises.

    Args:
        size: Number of processes.
        grace: Seconds between an interrupt and the kill of what has not ended.
    """

    inline = False

    def __init__(self, size: int, *, grace: float = GRACE) -> None:
        self.slots: int | None = size
        self._grace = grace
        self._workers: set[_Worker] = set()
        self._idle: deque[_Worker] = deque()
        self._interrupted = False
        self._kill_at: float | None = None
        self._lock = threading.Lock()

    @contextmanager
    def start(self) -> Iterator[None]:
        """Get ready; end all processes at the end."""
        self._parcels = Parcels()
        self._context = copy_context()
        self._interrupted = False
        self._kill_at = None
        self._ending = False
        self._new: deque[_Worker] = deque()
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        listener = threading.Thread(target=self._listen, name="towpath-workers", daemon=True)
        listener.start()
        try:
            with scripts_by_value():
                yield
        finally:
            self._ending = True
            self._wake()
            listener.join()
            self._end_workers()
            os.close(self._wake_read)
            os.close(self._wake_write)

    def submit(self, fn: Callable[..., Any], shared: Any, /, *args: Any, name: str = "task", tags: Collection[str] = ()) -> Future[Any]:
        """Send it to an idle worker, or to a new one."""
        arguments = [self._parcels.wrap(argument, f"the input of task {name!r}") for argument in args]
        body = (fn, self._parcels.share(shared, f"task {name!r}"), arguments)
        future: Future[Any] = Future()
        if self._interrupted:
            future.set_exception(KeyboardInterrupt())
            return future
        worker = self._send(body)
        with self._lock:
            if not worker.lost:
                worker.future = future
        if worker.lost:
            future.set_exception(_lost(worker))
        elif worker.calls.poll() or self._interrupted:
            self._wake()  # the listener may have looked before it could know whose answer it is
        return future

    def _send(self, body: Any) -> _Worker:
        for _ in range(_TRIES):
            worker = self._idle_worker()
            try:
                worker.send(self._parcels, body)
            except OSError:
                continue  # it died before it had the call: another one will do
            except BaseException:
                worker.signal(signal.SIGKILL)  # it has half of a call
                raise
            return worker
        raise TowpathError(Code.WORKER_LOST, "The processes for tasks die before they can take one; standard error says why.")

    def interrupt(self) -> None:
        """Interrupt what runs; kill what has not ended after the grace. Safe in a signal handler: the listener does it."""
        if not self._interrupted:
            self._interrupted = True
            self._wake()

    def _wake(self) -> None:
        with suppress(BlockingIOError):
            os.write(self._wake_write, b"w")

    # --- the engine's thread ------------------------------------------------------------------------------------------------------

    def _idle_worker(self) -> _Worker:
        while self._idle:
            worker = self._idle.popleft()
            if worker.process.poll() is None:
                return worker
        try:
            worker = _Worker()
        except OSError as error:
            raise TowpathError(Code.WORKER_LOST, f"this machine cannot start another process for tasks: {error.strerror}") from error
        self._workers.add(worker)
        self._new.append(worker)
        self._wake()
        return worker

    def _end_workers(self) -> None:
        left = list(self._workers)
        self._workers.clear()
        self._idle.clear()
        for worker in left:
            worker.calls.close()  # an idle worker ends when nobody can call it any more
            if worker.future is not None:
                worker.signal(signal.SIGKILL)
        deadline = time.monotonic() + LEAVE
        for worker in left:
            try:
                worker.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                worker.signal(signal.SIGKILL)
                worker.process.wait()
            worker.close()

    # --- the listener's thread ----------------------------------------------------------------------------------------------------

    def _listen(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._wake_read, selectors.EVENT_READ)
            while not self._ending:
                ready = {key.data for key, _ in selector.select(self._timeout())}
                if None in ready:
                    with suppress(BlockingIOError):
                        os.read(self._wake_read, 4096)
                    ready |= self._workers
                while self._new:
                    worker = self._new.popleft()
                    for source in worker.sources():
                        selector.register(source, selectors.EVENT_READ, worker)
                for worker in (ready or self._workers.copy()) - {None}:
                    self._hear(worker, selector)
                self._stop_busy()

    def _timeout(self) -> float | None:
        waits = [] if hasattr(os, "pidfd_open") else [_WATCH]
        if self._kill_at is not None:
            waits.append(max(0.0, self._kill_at - time.monotonic()))
        return min(waits, default=None)

    def _hear(self, worker: _Worker, selector: selectors.BaseSelector) -> None:
        dead = worker.process.poll() is not None
        try:
            answered = worker.calls.poll()
            self._hear_logs(worker)  # what was logged before the answer is there before the answer
            if answered and worker.future is not None:
                self._answered(worker, worker.calls.recv_bytes(), worker.calls.recv_bytes())
        except (EOFError, OSError):
            pass  # it is dying, and the kernel is about to say so
        if dead and worker not in self._new:
            self._forget(worker, selector)

    def _hear_logs(self, worker: _Worker) -> None:
        while True:
            try:
                message = worker.joining.add(worker.logs.recv(_DATAGRAM))
            except BlockingIOError:
                return
            if message is not None:
                replay(message, self._context)

    def _answered(self, worker: _Worker, kind: bytes, data: bytes) -> None:
        future, worker.future = worker.future, None
        assert future is not None
        self._idle.append(worker)
        if kind == INTERRUPTED:
            future.set_exception(KeyboardInterrupt())
            return
        try:
            value = unpacked(data, "what the task returned")
        except TowpathError as error:
            future.set_exception(error)
            return
        if kind == RETURNED:
            future.set_result(value)
        else:
            future.set_exception(value)

    def _forget(self, worker: _Worker, selector: selectors.BaseSelector) -> None:
        if worker not in self._workers:
            return
        for source in worker.sources():
            selector.unregister(source)
        self._workers.discard(worker)
        with suppress(ValueError):
            self._idle.remove(worker)
        with self._lock:
            worker.lost = worker.how_it_ended()
            future, worker.future = worker.future, None
        worker.close()
        if future is not None:
            future.set_exception(KeyboardInterrupt() if self._interrupted else _lost(worker))

    def _stop_busy(self) -> None:
        if not self._interrupted:
            return
        now = time.monotonic()
        if self._kill_at is None:
            self._kill_at = now + self._grace
        overdue = now >= self._kill_at
        if overdue:
            self._kill_at = now + self._grace
        for worker in self._workers.copy():
            if worker.future is not None and (overdue or not worker.interrupted):
                worker.interrupted = True
                worker.signal(signal.SIGKILL if overdue else signal.SIGINT)


def _lost(worker: _Worker) -> TowpathError:
    return TowpathError(Code.WORKER_LOST, f"The process that ran the task {worker.lost} before the task ended.")
