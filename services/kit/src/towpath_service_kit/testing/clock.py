"""A clock that stands still until a test moves it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta


class ManualClock:
    """A `Clock` moved by `advance`.

    Args:
        start: Its first moment.
    """

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        if start.tzinfo is None:
            raise ValueError("a clock needs an aware datetime")
        self._start = start
        self._elapsed = 0.0
        self._waiters: list[tuple[float, asyncio.Event]] = []
        self._arrived = asyncio.Event()

    def now(self) -> datetime:
        """See `Clock`."""
        return self._start + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        """See `Clock`."""
        return self._elapsed

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        """See `Clock`: returns when `event` is set or the clock has been moved far enough."""
        if event.is_set() or seconds <= 0:
            await asyncio.sleep(0)
            return event.is_set()
        due = asyncio.Event()
        entry = (self._elapsed + seconds, due)
        self._waiters.append(entry)
        self._arrived.set()
        tasks = [asyncio.ensure_future(event.wait()), asyncio.ensure_future(due.wait())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if entry in self._waiters:
                self._waiters.remove(entry)
        return event.is_set()

    @property
    def waiters(self) -> int:
        """How many wait at present."""
        return len(self._waiters)

    async def until_waiting(self, *, timeout: float = 5.0) -> float:
        """Wait until somebody waits on the clock; the seconds until the first is due."""
        async with asyncio.timeout(timeout):
            while not self._waiters:
                self._arrived.clear()
                await self._arrived.wait()
        return min(due for due, _ in self._waiters) - self._elapsed

    def advance(self, seconds: float) -> None:
        """Move the clock; whoever is due by then goes on."""
        self._elapsed += seconds
        for due, event in list(self._waiters):
            if due <= self._elapsed + 1e-9:
                event.set()
