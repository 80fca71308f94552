"""One hearing of the event bus, fanned out to everybody in this process who listens.

Only those types of event are asked of the bus that somebody listens for: most of what a busy installation publishes (states of task runs,
log rows) concerns nobody most of the time, and reading it costs. Hints are never the truth and may be lost: by NATS, or here, where a
listener keeps a bounded number of them and forgets the oldest when it is too slow. What was lost is told as *missed*, and the listener
then looks for itself. A hint that comes twice is heard once.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from towpath_proto import subjects
from towpath_service_kit import tracing
from towpath_service_kit.bus import Bus, BusMessage, Subscription
from towpath_service_kit.clock import Clock
from towpath_service_kit.logs import get_log
from towpath_service_kit.metrics import Metrics

_log = get_log(__name__)
PENDING = 256
"""Hints that wait for one listener; older ones are forgotten."""
PATIENCE = 0.5
"""Seconds that a subscription waits for the bus before it begins all the same; once the bus has answered, it looks again."""
_REMEMBERED = 4_096
_TYPES = {pair: event_type for event_type, pair in subjects.EVENT_TYPES.items()}


@dataclass(frozen=True, slots=True)
class Hint:
    """An event as it came.

    Attributes:
        event_id: Its id.
        type: A key of `towpath_proto.subjects.EVENT_TYPES`.
        tenant: The tenant that it belongs to.
        entity: The id in its subject.
        occurred_at: When, as text.
        data: What its schema names.
        traceparent: The trace of the change that it tells of, if there is one.
    """

    event_id: str
    type: str
    tenant: UUID
    entity: UUID
    occurred_at: str | None
    data: Mapping[str, Any]
    traceparent: str | None = None


class Listener:
    """The hints that wait for one subscription.

    Args:
        types: The event types that it wants.
        clock: Measures its waiting.
    """

    def __init__(self, types: frozenset[str], clock: Clock) -> None:
        self._types = types
        self._clock = clock
        self._pending: deque[Hint] = deque()
        self._missed = False
        self._event = asyncio.Event()

    def offer(self, hint: Hint) -> None:
        """Keep a hint."""
        if hint.type not in self._types:
            return
        if len(self._pending) >= PENDING:
            self._pending.popleft()
            self._missed = True
        self._pending.append(hint)
        self._event.set()

    def miss(self) -> None:
        """Note that hints may have been lost."""
        self._missed = True
        self._event.set()

    async def wait(self, seconds: float) -> bool:
        """Wait for a hint at most so long; whether there is one (or some were missed)."""
        return await self._clock.wait(self._event, seconds)

    def take(self) -> tuple[list[Hint], bool]:
        """What has come, oldest first, and whether some were missed before."""
        # Types are heard side by side; ids are made in the order of what happened.
        hints, missed = sorted(self._pending, key=lambda hint: hint.event_id), self._missed
        self._pending.clear()
        self._missed = False
        self._event.clear()
        return hints, missed


class Hints:
    """Hears the bus for all listeners.

    Args:
        bus: The event bus; without one nobody ever hears anything, and lives by sweeps.
        clock: For the listeners.
        metrics: Where it counts.
    """

    def __init__(self, bus: Bus | None, clock: Clock, metrics: Metrics) -> None:
        self._bus = bus
        self._clock = clock
        self._listeners: dict[tuple[UUID | None, UUID | None], set[Listener]] = {}
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._wanted: Counter[str] = Counter()
        self._subscriptions: dict[str, Subscription] = {}
        self._started = False
        self._settling: set[asyncio.Task[bool]] = set()
        self._changing = asyncio.Lock()
        self._heard = metrics.counter("towpath_gateway_hints_total", "Events heard from the bus.", ["type"])
        self._unreadable = metrics.counter("towpath_gateway_hints_unreadable_total", "Messages on our subjects that are no events.")
        if bus is not None:
            bus.on_gap(self._miss)

    async def start(self) -> None:
        """Begin to hear."""
        self._started = True
        await self._settle()

    async def stop(self) -> None:
        """Hear no more."""
        self._started = False
        await self._settle()

    @asynccontextmanager
    async def listen(self, tenant: UUID | None, entity: UUID | None, types: frozenset[str]) -> AsyncIterator[Listener]:
        """Listen within a block; whatever is published after its beginning is heard, and so for blocks that began before.

        Args:
            tenant: Whose events; None hears all tenants (the loops alone).
            entity: The id in the subject; None hears all.
            types: Event types.
        """
        listener = Listener(types, self._clock)
        key = (tenant, entity)
        self._listeners.setdefault(key, set()).add(listener)
        self._wanted.update(types)
        try:
            settling = await self._settle()  # even when nothing is missing: it waits for those before
            if settling is not None:
                settling.add_done_callback(lambda task: _look_again(listener, task))
            yield listener
        finally:
            self._listeners[key].discard(listener)
            if not self._listeners[key]:
                del self._listeners[key]
            self._wanted.subtract(types)
            await self._settle()

    async def _settle(self) -> asyncio.Task[bool] | None:
        """Subscribe to what is wanted, and to nothing else; one after another. A bus that does not answer is waited for a moment only.

        Returns:
            What is still going on after that moment.
        """
        if self._bus is None:
            return None
        # A listener that is cancelled must not leave a subscription behind that nobody holds.
        task = asyncio.create_task(self._adjust(self._bus), name="hints")
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)
        await asyncio.wait({task}, timeout=PATIENCE)
        return None if task.done() else task

    async def _adjust(self, bus: Bus) -> bool:
        """Whether the server hears for everything that is wanted."""
        async with self._changing:
            wanted = {event_type for event_type, count in self._wanted.items() if count > 0 and self._started}
            missing = sorted(wanted - self._subscriptions.keys())
            made = await asyncio.gather(*(bus.subscribe(subjects.pattern(event_type), self._hear) for event_type in missing))
            self._subscriptions.update(zip(missing, made, strict=True))
            for event_type in sorted(self._subscriptions.keys() - wanted):
                await self._subscriptions.pop(event_type).unsubscribe()
            return all(subscription.confirmed for subscription in self._subscriptions.values())

    def _miss(self) -> None:
        for listeners in self._listeners.values():
            for listener in listeners:
                listener.miss()

    async def _hear(self, message: BusMessage) -> None:
        hint = read_hint(message)
        if hint is None:
            self._unreadable.inc()
            _log.debug("hint_unreadable", subject=message.subject)
            return
        if hint.event_id in self._seen:
            return
        self._seen[hint.event_id] = None
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        self._heard.labels(hint.type).inc()
        for key in ((hint.tenant, hint.entity), (hint.tenant, None), (None, hint.entity), (None, None)):
            for listener in self._listeners.get(key, ()):
                listener.offer(hint)


def _look_again(listener: Listener, settled: asyncio.Task[bool]) -> None:
    """What was published until the bus answered was not heard; one that has not answered leaves it to the sweep."""
    if not settled.cancelled() and settled.exception() is None and settled.result():
        listener.miss()


def read_hint(message: BusMessage) -> Hint | None:
    """The event of a message; None when it is none, or when its body and its subject disagree on whose it is."""
    tokens = message.subject.split(".")
    if len(tokens) != 6:
        return None
    _, _, tenant, entity, entity_id, event = tokens
    try:
        body = orjson.loads(message.payload)
        hint = Hint(
            event_id=str(body["event_id"]),
            type=_TYPES[(entity, event)],
            tenant=UUID(tenant),
            entity=UUID(entity_id),
            occurred_at=body.get("occurred_at"),
            data=body["data"],
            traceparent=tracing.accepted(body.get("traceparent")),
        )
        agree = UUID(body["tenant_id"]) == hint.tenant and isinstance(hint.data, dict)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return hint if agree else None
