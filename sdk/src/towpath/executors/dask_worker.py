"""What `DaskExecutor` runs on the workers of a Dask cluster. It knows nothing of the engine."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import Context, copy_context
from dataclasses import dataclass, field

from towpath.client.settings import lent
from towpath.errors import TowpathError
from towpath.executors.interrupt import Interruptible
from towpath.executors.parcels import Received
from towpath.executors.pickling import packed, unpacked
from towpath.executors.worker import INTERRUPTED, RAISED, RETURNED
from towpath.log_relay import Message, RelayHandler, attach_relay, relay_to
from towpath_proto.errors import Code

SMALL_ANSWER = 8 * 1024
"""Size in bytes up to which an answer is told at once, rather than kept by the worker until it is fetched."""
_RUNS = 64  # runs of which a worker of a lasting cluster remembers whether they were stopped


@dataclass(frozen=True, slots=True)
class Terms:
    """What all calls of a run have in common.

    Attributes:
        run: Names the run.
        topic: Topic of the events that carry its log records.
        levels: Levels of the root logger and of ours.
        marks: Folder of this machine where workers note what they begin; None if it need not be known.
        api: Settings by which tasks on another machine reach the run's API, as the run itself; empty without one.
    """

    run: str
    topic: str
    levels: tuple[int, int]
    marks: str | None
    api: Mapping[str, str] = field(default_factory=dict, repr=False)


_here: dict[str, Context] = {}
_runs: dict[str, Interruptible] = {}
_lock = threading.Lock()
_listening = False


@contextmanager
def here(run: str, around: Context) -> Iterator[None]:
    """In the engine's process: where a worker is a thread of it, calls run in a copy of the run's own context."""
    _here[run] = around
    try:
        yield
    finally:
        del _here[run]


def hold(data: bytes) -> bytes:
    """Be a big value of which many calls can make their own."""
    return data


def call(terms: Terms, key: str, head: bytes, *held: bytes) -> tuple[bytes, bytes]:
    """Run one call, and return how it ended, and the packed value or error."""
    if terms.marks is not None and not _first(terms.marks, key):
        lost = TowpathError(Code.WORKER_LOST, "The task had ended, but its result was lost with the Dask worker that held it.")
        return RAISED, packed(lost, "an error")
    around = _around(terms.run)
    report = _reporting(terms, around)
    kind, data = _outcome(terms, around, head, held)
    if len(data) <= SMALL_ANSWER:
        report({"answer": (key, kind, data)})
    return kind, data


def _around(run: str) -> Context:
    now = copy_context()
    inside = _here.get(run)
    if inside is None:
        return now
    around = inside.copy()
    for variable in now:  # Dask's own, by which a task finds its worker
        if variable not in around:
            around.run(variable.set, now[variable])
    return around


def _outcome(terms: Terms, around: Context, head: bytes, held: tuple[bytes, ...]) -> tuple[bytes, bytes]:
    try:
        fn, shared, arguments, numbers = unpacked(head, "the task")
        received = Received(dict(zip(numbers, held, strict=True)))
        first, *rest = (received.unwrap(argument) for argument in (shared, *arguments))
        value = around.run(_of(terms.run).run, fn, first, *rest)
        return RETURNED, packed(value, "what the task returned")
    except KeyboardInterrupt:
        return INTERRUPTED, b""
    except BaseException as error:
        return RAISED, packed(error, "an error")


def stop(run: str) -> None:
    """Interrupt what runs for `run` here, and begin nothing more."""
    _of(run).interrupt()


def _of(run: str) -> Interruptible:
    with _lock:
        found = _runs.setdefault(run, Interruptible())
        while len(_runs) > _RUNS:
            del _runs[next(iter(_runs))]
        return found


def _first(folder: str, key: str) -> bool:
    """Whether this call has never begun before; noted at once, whatever becomes of this process."""
    try:
        os.close(os.open(os.path.join(folder, key), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return False
    return True


def _reporting(terms: Terms, around: Context) -> Callable[[Message], None]:
    """How to tell the engine's process something; log records go the same way, unless this is the engine's process itself."""
    from distributed import get_worker

    global _listening
    worker = get_worker()

    def report(message: Message) -> None:
        worker.log_event(terms.topic, message)

    if terms.run not in _here:
        with _lock:
            if not _listening:
                _listening = True
                attach_relay(RelayHandler(), terms.levels)
        around.run(relay_to.set, report)
        if terms.api:
            around.run(lent.set, terms.api)
    return report
