"""A signal that tests await instead of sleeping; costs nothing while nobody listens.

Nothing in production may depend on one: it is for observation.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

T = TypeVar("T")


class Listener(Generic[T]):
    """Hears every firing since it began to listen, in order; none is missed between two `next`."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[T] = asyncio.Queue()

    async def next(self, *, timeout: float = 5.0) -> T:
        """The next firing.

        Raises:
            TimeoutError: When there is none in time.
        """
        async with asyncio.timeout(timeout):
            return await self._queue.get()

    @property
    def waiting(self) -> int:
        """Firings not fetched yet."""
        return self._queue.qsize()

    def hear(self, value: T) -> None:
        """Take a firing."""
        self._queue.put_nowait(value)


class Signal(Generic[T]):
    """Fires values to those who listen."""

    def __init__(self) -> None:
        self._listeners: list[Listener[T]] = []

    def fire(self, value: T) -> None:
        """Tell the listeners."""
        for listener in self._listeners:
            listener.hear(value)

    @contextmanager
    def listen(self) -> Iterator[Listener[T]]:
        """Listen within the block."""
        listener: Listener[T] = Listener()
        self._listeners.append(listener)
        try:
            yield listener
        finally:
            self._listeners.remove(listener)
