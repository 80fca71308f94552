"""The bus in memory: what `NatsBus` does, within one process and at once."""

from __future__ import annotations

import re
from collections.abc import Sequence

from towpath_service_kit.bus import BusCounters, BusMessage, GapListener, Handler, Inbox, Subscription
from towpath_service_kit.metrics import Metrics


def subject_matches(pattern: str, subject: str) -> bool:
    """Whether a NATS pattern (`*`: one token, `>`: one or more at the end) fits a subject."""
    wanted, given = pattern.split("."), subject.split(".")
    if wanted[-1] == ">":
        return len(given) >= len(wanted) and all(w in ("*", g) for w, g in zip(wanted[:-1], given, strict=False))
    return len(given) == len(wanted) and all(w in ("*", g) for w, g in zip(wanted, given, strict=True))


class MemoryBus:
    """A `Bus` without NATS.

    Args:
        metrics: Where it counts.
    """

    def __init__(self, metrics: Metrics | None = None) -> None:
        self._counters = BusCounters(metrics)
        self._inboxes: list[Inbox] = []
        self._gap_listeners: list[GapListener] = []
        self._connected = False
        self.published: list[BusMessage] = []
        """All that was handed on, for tests to look at."""

    @property
    def connected(self) -> bool:
        """See `Bus`."""
        return self._connected

    async def start(self) -> None:
        """See `Bus`."""
        self._connected = True
        self._counters.connections.inc()

    async def publish(self, subject: str, payload: bytes) -> bool:
        """See `Bus`."""
        if not self._connected:
            self._counters.dropped.labels("disconnected").inc()
            return False
        if not re.fullmatch(r"[^\s.*>]+(\.[^\s.*>]+)*", subject):
            self._counters.dropped.labels("error").inc()
            return False
        message = BusMessage(subject, payload)
        self.published.append(message)
        self._counters.published.inc()
        for inbox in list(self._inboxes):
            if subject_matches(inbox.pattern, subject):
                inbox.offer(message)
        return True

    async def publish_all(self, messages: Sequence[BusMessage]) -> bool:
        """See `Bus`."""
        for message in messages:
            if not await self.publish(message.subject, message.payload):
                return False
        return True

    async def subscribe(self, pattern: str, handler: Handler) -> Subscription:
        """See `Bus`."""
        inbox = Inbox(pattern, handler, counters=self._counters, on_overflow=self._tell_gap, on_close=self._forget)
        self._inboxes.append(inbox)
        return inbox

    def on_gap(self, listener: GapListener) -> None:
        """See `Bus`."""
        self._gap_listeners.append(listener)

    def patterns(self) -> list[str]:
        """What is subscribed to, in order of name."""
        return sorted(inbox.pattern for inbox in self._inboxes)

    async def flush(self) -> None:
        """Wait until every message has been handled."""
        for inbox in list(self._inboxes):
            await inbox.join()

    async def close(self) -> None:
        """See `Bus`."""
        self._connected = False
        for inbox in list(self._inboxes):
            await inbox.unsubscribe()

    def disconnect(self) -> None:
        """Behave as though NATS were away."""
        self._connected = False

    def reconnect(self) -> None:
        """Behave as though NATS were back."""
        self._connected = True
        self._tell_gap()

    async def _forget(self, inbox: Inbox) -> None:
        self._inboxes.remove(inbox)

    def _tell_gap(self) -> None:
        for listener in self._gap_listeners:
            listener()
