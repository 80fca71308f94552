"""The engine's time: a port, so that tests and simulations bring their own."""

from __future__ import annotations

import queue
from datetime import UTC, datetime
from queue import SimpleQueue
from typing import Any, Protocol


class Clock(Protocol):
    """Tells the time and waits. The engine neither reads the time nor sleeps in any other way."""

    def now(self) -> datetime:
        """The time, aware and in UTC."""
        ...

    def wait(self, inbox: SimpleQueue[Any], seconds: float | None, *, owed: bool = False) -> Any | None:
        """Wait for the next item of `inbox`, at most `seconds` (None: for ever); None when there was no item.

        Args:
            inbox: Where items arrive.
            seconds: The longest wait.
            owed: Whether an item is sure to arrive, sooner or later.
        """
        ...


class SystemClock:
    """The time of this machine."""

    def now(self) -> datetime:
        """The time."""
        return datetime.now(UTC)

    def wait(self, inbox: SimpleQueue[Any], seconds: float | None, *, owed: bool = False) -> Any | None:
        """Wait for an item."""
        try:
            return inbox.get(timeout=seconds)
        except queue.Empty:
            return None
