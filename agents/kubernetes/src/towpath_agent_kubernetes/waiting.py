"""What is done once only, and what waits for a while before it counts: a pod's trouble may pass."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from towpath.agent.supervised import Key


class Once:
    """Remembers what was done, the latest of it: a cluster tells the same thing many times, and never when it is the last time.

    Args:
        most: How much it remembers.
    """

    def __init__(self, most: int = 20_000) -> None:
        self._most = most
        self._done: dict[Hashable, None] = {}
        self._guard = threading.Lock()

    def __contains__(self, thing: Hashable) -> bool:
        with self._guard:
            return thing in self._done

    def add(self, thing: Hashable) -> bool:
        """It is done. False when it was done before."""
        with self._guard:
            if thing in self._done:
                return False
            self._done[thing] = None
            if len(self._done) > self._most:
                del self._done[next(iter(self._done))]
            return True


@dataclass(frozen=True, slots=True)
class _Entry:
    due: float
    reason: str


class Waiting:
    """Troubles by claim, each with the moment from which on it counts. One thread waits for all of them.

    Args:
        grace: Seconds for a trouble to pass.
        clock: Seconds, monotonic.
    """

    def __init__(self, grace: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._grace = grace
        self._clock = clock
        self._entries: dict[Key, _Entry] = {}
        self._changed = threading.Condition()

    def add(self, key: Key, reason: str, *, at_once: bool = False) -> bool:
        """A claim is in trouble. False when that very reason is known; the time runs from the first one on."""
        with self._changed:
            before = self._entries.get(key)
            if before is not None and before.reason == reason:
                return False
            due = self._clock() + (0.0 if at_once else self._grace)
            self._entries[key] = _Entry(due if before is None else min(due, before.due), reason)
            self._changed.notify()
            return True

    def clear(self, key: Key) -> None:
        """It is over: the trouble, or the run."""
        with self._changed:
            self._entries.pop(key, None)

    def take_due(self) -> list[tuple[Key, str]]:
        """Those whose time is over. They are not told again."""
        with self._changed:
            now = self._clock()
            due = [(key, entry.reason) for key, entry in self._entries.items() if entry.due <= now]
            for key, _ in due:
                del self._entries[key]
            return due

    def wait(self) -> None:
        """Return when something may be due."""
        with self._changed:
            soonest = min((entry.due for entry in self._entries.values()), default=None)
            if soonest is None:
                self._changed.wait()
            elif (left := soonest - self._clock()) > 0:
                self._changed.wait(left)

    def wake(self) -> None:
        """Have `wait` return."""
        with self._changed:
            self._changed.notify_all()
