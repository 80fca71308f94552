"""The event bus: hints that something changed, over NATS.

Messages are hints, never the truth (architecture §1): everything they cause also happens by a sweep. So nothing here waits for NATS: a
message that cannot be sent at once is dropped and counted, and a service runs without NATS for as long as it must. What can go wrong, and
what is done:

- *NATS is away at the start or later*: `NatsBus` tries again for ever, at most every two seconds, and subscribes anew each time.
- *The connection is deaf* (open, but nothing comes through: a half-dead peer, a proxy, a subscription lost on the server): a probe sends
  itself a message at each beat; when two in a row do not come back, the connection is thrown away and made anew.
- *Messages were missed meanwhile*: after each new connection, and after a subscriber's queue overflowed, the gap listeners are called, so
  that loops sweep now and not at their next turn.
- *A handler fails*: logged and counted; the next message is handled.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg

from towpath_proto.ids import uuid7
from towpath_service_kit.logs import get_log
from towpath_service_kit.metrics import Metrics
from towpath_service_kit.stimulus import stimulus

_log = get_log(__name__)
QUEUE = 4096
"""Messages that wait for one subscription's handler; more are dropped."""
_PENDING_BYTES = 4 * 1024 * 1024
_FIRST_DELAY = 0.05
_LONGEST_DELAY = 2.0


@dataclass(frozen=True, slots=True)
class BusMessage:
    """One message.

    Attributes:
        subject: Where it was published.
        payload: What it says.
    """

    subject: str
    payload: bytes


Handler = Callable[[BusMessage], Awaitable[None]]
GapListener = Callable[[], None]


class Subscription(Protocol):
    """A handler's hold on a pattern.

    Attributes:
        confirmed: Whether the server has said that it takes it. If not, the next connection takes it along, and tells of a gap.
    """

    confirmed: bool

    async def unsubscribe(self) -> None:
        """Hear nothing more; the handler's present call is cancelled. May be called again."""
        ...


class Bus(Protocol):
    """Publishes and hears hints.

    Obligations: `publish` returns within some milliseconds whatever the state of NATS and never raises for it. One subscription's messages
    are handled one after another, in the order in which they came; subscriptions do not wait for each other. Each subscription whose
    pattern fits gets a message, this process's own included. A pattern has `*` for one token and `>` for the rest.
    """

    @property
    def connected(self) -> bool:
        """Whether messages get through at present."""
        ...

    async def start(self) -> None:
        """Begin; returns at once, connected or not."""
        ...

    async def publish(self, subject: str, payload: bytes) -> bool:
        """Send a message, or drop it; whether it was handed on (not: whether anybody heard)."""
        ...

    async def publish_all(self, messages: Sequence[BusMessage]) -> bool:
        """Send many in order; whether all were handed on. When not, those before the first that was not may have been."""
        ...

    async def subscribe(self, pattern: str, handler: Handler) -> Subscription:
        """Call `handler` for each message that fits. May be called before `start`."""
        ...

    def on_gap(self, listener: GapListener) -> None:
        """Call `listener` whenever messages may have been missed."""
        ...

    async def flush(self) -> None:
        """Wait until what was published has reached the server; returns at once when it is away."""
        ...

    async def close(self) -> None:
        """End; subscriptions end, too. May be called again, and before `start`."""
        ...


class BusCounters:
    """The counters of a bus.

    Args:
        metrics: The service's metrics; own ones when it has none.
    """

    def __init__(self, metrics: Metrics | None = None) -> None:
        metrics = metrics or Metrics(process=False)
        self.published = metrics.counter("towpath_bus_published_total", "Messages handed to NATS.")
        self.dropped = metrics.counter("towpath_bus_dropped_total", "Messages dropped.", ["reason"])
        self.handled = metrics.counter("towpath_bus_handled_total", "Messages handled.")
        self.failed = metrics.counter("towpath_bus_handler_errors_total", "Handler calls that failed.")
        self.connections = metrics.counter("towpath_bus_connections_total", "Connections made to NATS.")
        self.deaf = metrics.counter("towpath_bus_deaf_total", "Connections thrown away because nothing came through.")
        self.connected = metrics.gauge("towpath_bus_connected", "1 while messages get through.")


class Inbox:
    """The bounded queue and the task of one subscription; shared by all kinds of bus.

    Args:
        pattern: What it hears.
        handler: What it calls.
        counters: What it counts on.
        on_overflow: Called when a message is dropped.
        on_close: Called once when it ends.
    """

    def __init__(
        self,
        pattern: str,
        handler: Handler,
        *,
        counters: BusCounters,
        on_overflow: Callable[[], None],
        on_close: Callable[[Inbox], Awaitable[None]],
    ) -> None:
        self.pattern = pattern
        self.confirmed = True
        self._handler = handler
        self._counters = counters
        self._on_overflow = on_overflow
        self._on_close = on_close
        self._queue: asyncio.Queue[BusMessage] = asyncio.Queue(QUEUE)
        self._task: asyncio.Task[None] | None = asyncio.create_task(self._work(), name=f"bus {pattern}")

    def offer(self, message: BusMessage) -> None:
        """Queue a message, or drop it when the handler is too far behind."""
        if self._task is None:
            return
        try:
            self._queue.put_nowait(message)
        except asyncio.QueueFull:
            self._counters.dropped.labels("slow_handler").inc()
            self._on_overflow()

    async def join(self) -> None:
        """Wait until every queued message is handled."""
        await self._queue.join()

    async def unsubscribe(self) -> None:
        """See `Subscription`."""
        task, self._task = self._task, None
        if task is None:
            return
        await self._on_close(self)
        if task is not asyncio.current_task():  # a handler may end its own subscription
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _work(self) -> None:
        while self._task is not None:
            message = await self._queue.get()
            try:
                with stimulus():
                    await self._handler(message)
                self._counters.handled.inc()
            except Exception as e:  # a handler's fault must not deafen its subscription
                self._counters.failed.inc()
                _log.error("bus_handler_failed", subject=message.subject, pattern=self.pattern, error=e)
            finally:
                self._queue.task_done()


class NatsBus:
    """The bus over NATS.

    Args:
        url: One or more addresses, separated by commas.
        name: The connection's name, seen in NATS.
        metrics: Where it counts.
        probe_interval: Seconds between two probes of the connection.
    """

    def __init__(self, url: str, *, name: str = "towpath", metrics: Metrics | None = None, probe_interval: float = 2.0) -> None:
        self._urls = [u.strip() for u in url.split(",") if u.strip()]
        self._name = name
        self._probe_interval = probe_interval
        self._counters = BusCounters(metrics)
        self._client: Client | None = None
        self._inboxes: dict[Inbox, Any] = {}  # to the client's own subscription, while connected
        self._gap_listeners: list[GapListener] = []
        self._task: asyncio.Task[None] | None = None
        self._lost = asyncio.Event()
        self._up = asyncio.Event()
        self._probe_subject = f"_towpath.probe.{uuid7().hex}"
        self._echo = asyncio.Event()

    @property
    def connected(self) -> bool:
        """See `Bus`."""
        return self._client is not None and self._client.is_connected

    async def start(self) -> None:
        """See `Bus`."""
        if self._task is None:
            self._task = asyncio.create_task(self._keep_connected(), name="bus connection")

    async def wait_connected(self) -> None:
        """Wait until messages get through."""
        await self._up.wait()

    async def publish(self, subject: str, payload: bytes) -> bool:
        """See `Bus`."""
        return await self.publish_all([BusMessage(subject, payload)])

    async def publish_all(self, messages: Sequence[BusMessage]) -> bool:
        """See `Bus`."""
        client = self._client
        if client is None or not client.is_connected:
            self._counters.dropped.labels("disconnected").inc(len(messages))
            return False
        sent = 0
        try:
            async with asyncio.timeout(0.1 + 0.001 * len(messages)):
                for message in messages:
                    if client.pending_data_size + len(message.payload) > _PENDING_BYTES:
                        self._counters.dropped.labels("backlog").inc(len(messages) - sent)
                        return False
                    await client.publish(message.subject, message.payload)
                    sent += 1
        except (nats.errors.Error, OSError, TimeoutError) as e:
            self._counters.dropped.labels("error").inc(len(messages) - sent)
            _log.warning("bus_publish_failed", subject=messages[sent].subject, cause=_words(e))
            return False
        finally:
            self._counters.published.inc(sent)
        return True

    async def subscribe(self, pattern: str, handler: Handler) -> Subscription:
        """See `Bus`."""
        inbox = Inbox(pattern, handler, counters=self._counters, on_overflow=self._tell_gap, on_close=self._forget)
        self._inboxes[inbox] = None
        if self._client is not None and self._client.is_connected:
            try:
                await self._attach(self._client, inbox)
                await self._client.flush(timeout=1)
            except (nats.errors.Error, OSError, TimeoutError) as e:
                # The connection is going; the next one takes the subscription along.
                inbox.confirmed = False
                _log.warning("bus_subscribe_failed", pattern=pattern, cause=_words(e))
            except asyncio.CancelledError:  # nobody would hold it
                await inbox.unsubscribe()
                raise
        return inbox

    def on_gap(self, listener: GapListener) -> None:
        """See `Bus`."""
        self._gap_listeners.append(listener)

    async def flush(self) -> None:
        """See `Bus`."""
        client = self._client
        if client is None or not client.is_connected:
            return
        try:
            await client.flush(timeout=2)
        except (nats.errors.Error, OSError, TimeoutError) as e:
            _log.warning("bus_flush_failed", cause=_words(e))

    async def close(self) -> None:
        """See `Bus`."""
        task, self._task = self._task, None
        while task is not None and not task.done():
            task.cancel()  # nats-py swallows a cancel that meets it while it connects, so ask until it has ended
            await asyncio.wait({task}, timeout=0.1)
        for inbox in list(self._inboxes):
            await inbox.unsubscribe()

    async def _keep_connected(self) -> None:
        delay = _FIRST_DELAY
        first = True
        while True:
            try:
                client = await self._connect()
            except (nats.errors.Error, OSError, TimeoutError) as e:
                if delay == _FIRST_DELAY:  # once per outage, not once per try
                    _log.warning("bus_unreachable", cause=_words(e))
                await asyncio.sleep(delay * random.uniform(0.7, 1.3))
                delay = min(delay * 2, _LONGEST_DELAY)
                continue
            delay = _FIRST_DELAY
            self._up.set()
            self._counters.connections.inc()
            self._counters.connected.set(1)
            _log.info("bus_connected", server=client.connected_url.netloc.rpartition("@")[2] if client.connected_url else "")
            if not first:
                self._tell_gap()
            first = False
            try:
                await self._watch(client)
            finally:
                self._up.clear()
                self._client = None
                self._counters.connected.set(0)
                await _discard(client)
            _log.warning("bus_disconnected")

    async def _connect(self) -> Client:
        lost = self._lost = asyncio.Event()

        async def on_close() -> None:
            lost.set()

        async def on_error(error: Exception) -> None:
            if self._client is client:  # else it could not connect, which the caller reports
                _log.warning("bus_error", cause=_words(error))

        client = Client()
        try:
            # nats-py's own reconnecting is off: one path, ours, makes every connection, so a first, a lost and a deaf one are alike.
            await client.connect(
                servers=self._urls,
                name=self._name,
                allow_reconnect=False,
                max_reconnect_attempts=1,
                reconnect_time_wait=0,
                connect_timeout=2,
                ping_interval=10,
                max_outstanding_pings=2,
                closed_cb=on_close,
                error_cb=on_error,
            )
            await client.subscribe(self._probe_subject, cb=self._heard_probe)
            for inbox in list(self._inboxes):
                await self._attach(client, inbox)
            await client.flush(timeout=2)
        except BaseException:
            await _discard(client)
            raise
        self._client = client
        return client

    async def _attach(self, client: Client, inbox: Inbox) -> None:
        async def deliver(message: Msg) -> None:
            inbox.offer(BusMessage(message.subject, message.data))

        self._inboxes[inbox] = await client.subscribe(inbox.pattern, cb=deliver)
        inbox.confirmed = True

    async def _forget(self, inbox: Inbox) -> None:
        remote = self._inboxes.pop(inbox, None)
        if remote is not None and self._client is not None and self._client.is_connected:
            with contextlib.suppress(nats.errors.Error, OSError):
                await remote.unsubscribe()

    async def _watch(self, client: Client) -> None:
        """Return when the connection is lost or deaf."""
        missed = 0
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._probe_interval):
                    await self._lost.wait()
                    return
            if await self._probe(client):
                missed = 0
                continue
            missed += 1
            if missed >= 2:
                self._counters.deaf.inc()
                _log.warning("bus_deaf", seconds=missed * 2 * self._probe_interval)
                return

    async def _probe(self, client: Client) -> bool:
        self._echo.clear()
        try:
            async with asyncio.timeout(self._probe_interval):
                await client.publish(self._probe_subject, b"")
                await self._echo.wait()
        except (nats.errors.Error, OSError, TimeoutError):
            return False
        return True

    async def _heard_probe(self, _: Msg) -> None:
        self._echo.set()

    def _tell_gap(self) -> None:
        for listener in self._gap_listeners:
            listener()


async def _discard(client: Client) -> None:
    try:
        async with asyncio.timeout(1):
            await client.close()
    except Exception as e:  # it is thrown away, in whatever state it is
        _log.debug("bus_close_failed", cause=_words(e))


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__
