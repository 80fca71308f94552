"""Logs of runs: loggers for user code, the way of their records to the run's reporter, and `print` as a log.

Records know their task by the context in which they were logged, so no logger is made per task run. Nothing here formats pages or sends
bytes; the reporter does what is to be done with an entry.
"""

from __future__ import annotations

import io
import logging
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from towpath._context import context

if TYPE_CHECKING:
    from towpath.engine.reporting import Reporter

ROOT = "towpath"
LINE = "[%(asctime)s] %(levelname)-7s %(name)s | %(message)s"

current_reporter: ContextVar[Reporter | None] = ContextVar("towpath_reporter", default=None)
"""Who gets the records of the run that this thread of execution belongs to. The engine writes it."""

_LEVELS = ((logging.CRITICAL, "CRITICAL"), (logging.ERROR, "ERROR"), (logging.WARNING, "WARNING"), (logging.INFO, "INFO"))


def get_logger(name: str | None = None) -> logging.Logger:
    """A logger whose records belong to the run in which they are logged: `get_logger()` or `get_logger("my.part")`."""
    return logging.getLogger(ROOT if not name or name == ROOT else f"{ROOT}.{name}")


class ReportHandler(logging.Handler):
    """Hands records to the reporter of the run in which they were logged; other records are not its business."""

    def emit(self, record: logging.LogRecord) -> None:
        """Hand `record` on."""
        reporter = current_reporter.get()
        if reporter is None:
            return
        from towpath.engine.reporting import LogEntry

        try:
            index = context.get("map_index")
            entry = LogEntry(
                at=datetime.fromtimestamp(record.created, UTC),
                level=next((name for level, name in _LEVELS if record.levelno >= level), "DEBUG"),
                logger=record.name,
                message=self.format(record),
                slug=context.get("task_slug"),
                map_index=-1 if index is None else index,
            )
            reporter.log(entry)
        except Exception:
            self.handleError(record)


_report_handler = ReportHandler()


def attach_reporting() -> None:
    """Let records of our loggers reach reporters; may be called again."""
    root = logging.getLogger(ROOT)
    if _report_handler not in root.handlers:
        root.addHandler(_report_handler)
    _set_level(root)


def attach_console() -> None:
    """Print records to standard error, unless the program has set up logging by itself."""
    root = logging.getLogger(ROOT)
    if not logging.getLogger().handlers and not any(isinstance(h, logging.StreamHandler) for h in root.handlers):
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter(LINE, "%H:%M:%S"))
        root.addHandler(handler)
    _set_level(root)


def _set_level(root: logging.Logger) -> None:
    if root.level == logging.NOTSET:
        level = os.environ.get("TOWPATH_LOG_LEVEL", "INFO").upper()
        root.setLevel(level if level in logging.getLevelNamesMapping() else logging.INFO)


# --- print as a log -------------------------------------------------------------------------------------------------------------------

_lines: ContextVar[list[str] | None] = ContextVar("towpath_printed", default=None)
_lock = threading.Lock()
_users = 0


class _Router(io.TextIOBase):
    """Stands in for `sys.stdout`: writes of a task with log_stdout become log lines, all others pass through."""

    def __init__(self, original: Any) -> None:
        self.original = original

    def write(self, text: str) -> int:
        parts = _lines.get()
        if parts is None:
            return int(self.original.write(text))
        *lines, rest = ("".join(parts) + text).split("\n")
        parts[:] = [rest] if rest else []
        for line in lines:
            context.logger.info(line)
        return len(text)

    def flush(self) -> None:
        if not self.original.closed:
            self.original.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.original, name)


@contextmanager
def printed_as_log() -> Iterator[None]:
    """Let `print` inside the block, in this thread of execution, write to the log of the task that runs there."""
    global _users
    with _lock:
        _users += 1
        if not isinstance(sys.stdout, _Router):
            sys.stdout = _Router(sys.stdout)
    parts: list[str] = []
    token = _lines.set(parts)
    try:
        yield
    finally:
        _lines.reset(token)
        if parts:
            context.logger.info("".join(parts))
        with _lock:
            _users -= 1
            if _users == 0 and isinstance(sys.stdout, _Router):
                sys.stdout = sys.stdout.original
