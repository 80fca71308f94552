"""Structured logs: an event's name and its fields, as JSON lines or for a person's eyes.

    log = get_log(__name__)
    log.info("run_reaped", run_id=run.id, holder=run.holder)

Built on the standard `logging`, so libraries' lines go the same way and a host may route them as it likes. Loggers are made freely; only a
process's `main` calls `configure`.
"""

from __future__ import annotations

import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Any, TextIO

import orjson

from towpath_service_kit import stimulus

FORMATS = ("auto", "json", "console")
LEVELS = ("debug", "info", "warning", "error")
_COLOURS = {logging.DEBUG: "2", logging.INFO: "32", logging.WARNING: "33", logging.ERROR: "31", logging.CRITICAL: "31;1"}


class Log:
    """A logger whose message is an event's name and whose keyword arguments are its fields."""

    __slots__ = ("_logger",)

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    def debug(self, event: str, **fields: Any) -> None:
        """Something that only its developer wants to see."""
        self._emit(logging.DEBUG, event, fields)

    def info(self, event: str, **fields: Any) -> None:
        """Something worth knowing."""
        self._emit(logging.INFO, event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        """Something that healed, or will."""
        self._emit(logging.WARNING, event, fields)

    def error(self, event: str, *, error: BaseException | None = None, **fields: Any) -> None:
        """Something that failed; `error` adds its traceback."""
        self._emit(logging.ERROR, event, fields, error)

    def _emit(self, level: int, event: str, fields: dict[str, Any], error: BaseException | None = None) -> None:
        if self._logger.isEnabledFor(level):
            info = (type(error), error, error.__traceback__) if error is not None else None
            self._logger.log(level, "%s", event, extra={"fields": fields, "stimulus": stimulus.current()}, exc_info=info, stacklevel=3)


def get_log(name: str) -> Log:
    """The log of a module."""
    return Log(logging.getLogger(name))


def fields_of(record: logging.LogRecord) -> dict[str, Any]:
    """A record as a dict: time, level, logger, event, stimulus, its fields, and `error` with the traceback."""
    line: dict[str, Any] = {
        "time": datetime.fromtimestamp(record.created, tz=UTC),
        "level": record.levelname.lower(),
        "logger": record.name,
        "event": record.getMessage(),
    }
    named = getattr(record, "stimulus", None) or stimulus.current()
    if named:
        line["stimulus"] = named
    line.update(getattr(record, "fields", {}))
    if record.exc_info and record.exc_info[1] is not None:
        line["error"] = "".join(traceback.format_exception(record.exc_info[1])).rstrip()
    return line


class JsonFormatter(logging.Formatter):
    """One JSON object a line.

    Args:
        service: Added to each line.
    """

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        return orjson.dumps({"service": self._service, **fields_of(record)}, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


class ConsoleFormatter(logging.Formatter):
    """One line a person reads: time, level, event, `name=value` pairs; a traceback below it.

    Args:
        colour: Whether to colour the level.
    """

    def __init__(self, *, colour: bool) -> None:
        super().__init__()
        self._colour = colour

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line = fields_of(record)
        time, level, event = line.pop("time"), line.pop("level"), line.pop("event")
        error = line.pop("error", None)
        line.pop("logger")
        shown = f"\x1b[{_COLOURS.get(record.levelno, '0')}m{level:<7}\x1b[0m" if self._colour else f"{level:<7}"
        pairs = " ".join(f"{name}={_plain(value)}" for name, value in line.items())
        text = f"{time.astimezone():%H:%M:%S.%f}"[:-3] + f" {shown} {event}" + (f"  {pairs}" if pairs else "")
        return f"{text}\n{error}" if error else text


def _plain(value: Any) -> str:
    text = str(value)
    return repr(text) if not text or any(c.isspace() for c in text) else text


def configure(service: str, *, style: str = "auto", level: str = "info", stream: TextIO | None = None) -> None:
    """Send all logs of the process to `stream` (standard error by default). Calling it again replaces the earlier configuration.

    Args:
        service: The service's name.
        style: `json`, `console`, or `auto`: console at a terminal, else JSON.
        level: The lowest level shown of our own logs; libraries' begin at warning.
        stream: Where to write.
    """
    out = stream or sys.stderr
    terminal = out.isatty()
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        ConsoleFormatter(colour=terminal) if style == "console" or (style == "auto" and terminal) else JsonFormatter(service)
    )
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    # Our packages are siblings (`towpath_graphql`, …) with no parent to set a level on; so the root takes ours and libraries are filtered.
    handler.addFilter(lambda record: record.levelno >= logging.WARNING or record.name.startswith("towpath"))
    root.addHandler(handler)
    root.setLevel(level.upper())
