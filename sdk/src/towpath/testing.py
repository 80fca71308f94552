"""Doubles of the engine's ports, for tests of flows: a clock that never sleeps, a reporter that remembers."""

from __future__ import annotations

import queue
from datetime import UTC, datetime, timedelta
from queue import SimpleQueue
from typing import Any

from towpath.engine.reporting import MemoryReporter

__all__ = ["ManualClock", "MemoryReporter"]


class ManualClock:
    """Stands still while something works; when all wait, it jumps to the end of the wait. So a retry an hour away is tried at once.

    Args:
        now: The time at the beginning.
    """

    def __init__(self, now: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self.time = now

    def now(self) -> datetime:
        """The time."""
        return self.time

    def wait(self, inbox: SimpleQueue[Any], seconds: float | None, *, owed: bool = False) -> Any | None:
        """Take an item that is there or that workers owe; otherwise jump."""
        if seconds is None or owed:
            return inbox.get()
        try:
            return inbox.get_nowait()
        except queue.Empty:
            self.time += timedelta(seconds=seconds)
            return None
