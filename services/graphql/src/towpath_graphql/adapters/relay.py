"""The outbox relay: publishes what committed, then forgets it.

Rows are deleted in the transaction that publishes them, so a crash between the two publishes again: delivery is at least once, and
consumers are idempotent. Woken by each commit of this process, which is told of at once, except for what is only looked at: that is told a
few times a second. A sweep takes what other replicas left behind. When NATS is away the rows stay, and hints that are older than `STALE`
are dropped then: by that time everybody has swept.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from datetime import datetime, timedelta

from towpath_graphql.adapters.postgres import PostgresStore
from towpath_graphql.app.ports import Row
from towpath_graphql.domain.runs import Event
from towpath_proto import subjects, timers
from towpath_proto.errors import TowpathError
from towpath_service_kit.bus import Bus, BusMessage
from towpath_service_kit.logs import get_log
from towpath_service_kit.metrics import Metrics

_log = get_log(__name__)
BATCH = 500
GATHER = 0.01
"""Seconds that a busy relay waits before its next batch; an idle one publishes at once."""
LEISURE = 0.25
"""Seconds from a batch to the next one of nothing but events that nobody waits for: what is told of them is looked at by people."""
UNHURRIED = frozenset({"task_run.states", "log.written"})
STALE = timedelta(minutes=10)


class _NotPublishedError(Exception):
    """NATS did not take a message: the transaction must not commit."""


class Relay:
    """Moves outbox rows to the bus.

    Args:
        store: Where the rows are.
        bus: Where they go.
        metrics: Counters of published rows and the lag of the newest batch.
    """

    def __init__(self, store: PostgresStore, bus: Bus, metrics: Metrics) -> None:
        self._store = store
        self._bus = bus
        self._wake = asyncio.Event()
        self._hurry = asyncio.Event()
        self._published = metrics.counter("towpath_outbox_published_total", "Outbox rows published")
        self._dropped = metrics.counter("towpath_outbox_stale_total", "Outbox rows dropped because NATS was away for too long")
        self._lag = metrics.gauge("towpath_outbox_lag_seconds", "Age of the oldest row of the last batch when it was published")

    def wake(self, events: Iterable[Event]) -> None:
        """These events committed."""
        self._wake.set()
        if not UNHURRIED.issuperset(e.type for e in events):
            self._hurry.set()

    async def run(self) -> None:
        """Relay for ever; cancel to stop."""
        while True:
            try:
                while await self.publish_batch() == BATCH:
                    pass
            except _NotPublishedError:
                await asyncio.sleep(1)
            except TowpathError as e:
                _log.warning("outbox_relay_failed", code=str(e.code), cause=e.message)
                await asyncio.sleep(1)
            except Exception as e:  # whatever one row did to us: the relay must not die unnoticed while the service serves
                _log.error("outbox_relay_failed", error=e)
                await asyncio.sleep(1)
            await self._pause()

    async def _pause(self) -> None:
        """Wait for something to publish, and for what may share its batch."""
        clock = asyncio.get_running_loop().time
        ended, busy = clock(), self._wake.is_set()  # busy: it committed while a batch was published, so more will follow
        if not busy:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timers.SWEEP):
                    await self._wake.wait()
        if busy and self._hurry.is_set():
            await asyncio.sleep(GATHER)
        elif not self._hurry.is_set() and (left := ended + LEISURE - clock()) > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._hurry.wait()
        self._wake.clear()
        self._hurry.clear()

    async def publish_batch(self) -> int:
        """Publish up to `BATCH` rows; how many there were."""
        async with self._store.transaction() as tx:
            rows = await tx.all("take_outbox", limit=BATCH)
            if not rows:
                return 0
            now: datetime = rows[0]["now"]  # the database's: a wrong clock here must not make hints stale
            fresh = [r for r in sorted(rows, key=lambda r: r["id"]) if now - r["occurred_at"] < STALE]
            if not await self._bus.publish_all([_message(r) for r in fresh]):
                raise _NotPublishedError
            await self._bus.flush()
            if not self._bus.connected:  # the connection went while the batch was on its way
                raise _NotPublishedError
        self._published.inc(len(fresh))
        self._dropped.inc(len(rows) - len(fresh))
        if fresh:
            self._lag.set((now - fresh[0]["occurred_at"]).total_seconds())
        return len(rows)


def _message(row: Row) -> BusMessage:
    tenant_id = str(row["tenant_id"])
    body = subjects.envelope(
        event_id=str(row["id"]),
        event_type=row["type"],
        tenant_id=tenant_id,
        occurred_at=row["occurred_at"],
        data=row["data"],
        trace=row["trace"],
    )
    return BusMessage(subjects.subject(row["type"], tenant_id, str(row["entity_id"])), body)
