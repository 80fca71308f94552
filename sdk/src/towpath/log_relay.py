"""Log records and artifacts that are made in another process, on their way to the loggers and the reporter of the engine's process.

A record is sent as plain facts, with what its context said of its task, and logged here again under its own name. So whoever listens here
(the run's reporter, the console, what the program has set up) hears workers as it hears threads. What a task says of an artifact goes
straight to the run's reporter.
"""

from __future__ import annotations

import logging
import pickle
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import Context, ContextVar
from typing import Any

from towpath._context import Frame, context, current_frame
from towpath.logs import ROOT, current_reporter

Message = dict[str, Any]

relay_to: ContextVar[Callable[[Message], None] | None] = ContextVar("towpath_relay_to", default=None)
"""Where records of this thread of execution are sent; None: nowhere."""

_FACTS = (
    "name",
    "levelno",
    "levelname",
    "created",
    "msecs",
    "pathname",
    "filename",
    "module",
    "lineno",
    "funcName",
    "process",
    "threadName",
)
_TASK = ("task_slug", "task_name", "task_full_name", "map_index", "task_run_count")
_exceptions = logging.Formatter()
_PART = 64 * 1024


class RelayHandler(logging.Handler):
    """Sends each record to where its thread of execution says.

    Args:
        otherwise: Where records go of which that is not known, such as those of threads that a task has started.
    """

    def __init__(self, otherwise: Callable[[Message], None] | None = None) -> None:
        super().__init__()
        self._otherwise = otherwise

    def emit(self, record: logging.LogRecord) -> None:
        """Send `record`."""
        send = relay_to.get() or self._otherwise
        if send is None:
            return
        try:
            message = {name: getattr(record, name) for name in _FACTS}
            message["msg"] = record.getMessage()
            message["exc_text"] = record.exc_text or (_exceptions.formatException(record.exc_info) if record.exc_info else None)
            message["task"] = {name: context.get(name) for name in _TASK}
            send(message)
        except Exception:
            self.handleError(record)


def parts(message: Message) -> Iterator[bytes]:
    """A message as datagrams that a socket takes whatever its size."""
    data = pickle.dumps(message)
    last = (len(data) - 1) // _PART
    for number in range(last + 1):
        part = data[number * _PART : (number + 1) * _PART]
        yield part if last == 0 else pickle.dumps({"part": (number, last, part)})


class Joining:
    """Puts messages together that come in parts; one that broke off, as its task was interrupted, is forgotten with the next."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def add(self, datagram: bytes) -> Message | None:
        """The message that `datagram` completes, if it does."""
        message: Message = pickle.loads(datagram)
        if "part" not in message:
            return message
        number, last, part = message["part"]
        if number == 0:
            self._parts = []
        if number != len(self._parts):
            return None
        self._parts.append(part)
        return pickle.loads(b"".join(self._parts)) if number == last else None


def levels() -> tuple[int, int]:
    """The levels of the root logger and of ours, for another process."""
    return logging.getLogger().level, logging.getLogger(ROOT).level


def attach_relay(handler: RelayHandler, found: tuple[int, int]) -> None:
    """In the other process: let the handler hear everything that is logged, from the levels of the engine's process on."""
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(found[0])
    logging.getLogger(ROOT).setLevel(found[1])


def replay(message: Message, around: Context) -> None:
    """Log a record that came from another process, or report an artifact, in a copy of the run's own context; from any thread.

    A filter of the author's that raises costs its record, never the thread that listens.
    """
    try:
        around.copy().run(_replay, message)
    except Exception:
        traceback.print_exc()


def _replay(message: Message) -> None:
    if "artifact" in message:
        from towpath.engine.reporting import Artifact

        reporter = current_reporter.get()
        if reporter is not None:
            reporter.artifact(Artifact.from_dict(message["artifact"]))
        return
    logger = logging.getLogger(message["name"])
    if logger.isEnabledFor(message["levelno"]):
        facts = {name: value for name, value in message.items() if name != "task"}
        with _frame(message["task"]):
            logger.handle(logging.makeLogRecord({**facts, "args": None}))


@contextmanager
def _frame(values: dict[str, Any]) -> Iterator[None]:
    token = current_frame.set(Frame(values, current_frame.get()))
    try:
        yield
    finally:
        current_frame.reset(token)
