"""Log lines as dicts, so that tests compare fields and not text."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from towpath_service_kit.logs import fields_of


class _Collector(logging.Handler):
    def __init__(self, lines: list[dict[str, Any]]) -> None:
        super().__init__(logging.DEBUG)
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(fields_of(record))


@contextmanager
def capture_logs(logger: str = "") -> Iterator[list[dict[str, Any]]]:
    """Collect what `logger` (all, by default) logs within the block."""
    lines: list[dict[str, Any]] = []
    source = logging.getLogger(logger)
    handler, level = _Collector(lines), source.level
    source.addHandler(handler)
    source.setLevel(logging.DEBUG)
    try:
        yield lines
    finally:
        source.removeHandler(handler)
        source.setLevel(level)
