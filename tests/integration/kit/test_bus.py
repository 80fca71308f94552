"""One conformance suite over both kinds of bus, and the faults of NATS."""

from __future__ import annotations

import asyncio
import os
import signal

import nats
import pytest

from towpath_server.embedded.nats import EmbeddedNats
from towpath_service_kit import bus as bus_module
from towpath_service_kit.bus import BusMessage, NatsBus
from towpath_service_kit.metrics import Metrics
from towpath_service_kit.testing import MemoryBus, capture_logs

PATIENCE = 60


class Ear:
    """A handler that keeps what it hears; fails for the payload `fail`."""

    def __init__(self) -> None:
        self.heard = asyncio.Queue()

    async def __call__(self, message) -> None:
        if message.payload == b"fail":
            raise RuntimeError("the handler has a bug")
        await self.heard.put((message.subject, message.payload))

    async def next(self):
        async with asyncio.timeout(PATIENCE):
            return await self.heard.get()


class Gaps:
    """Counts the gaps that a bus tells of."""

    def __init__(self, bus) -> None:
        self.told = asyncio.Event()
        bus.on_gap(self.told.set)

    async def wait(self) -> None:
        async with asyncio.timeout(PATIENCE):
            await self.told.wait()
        self.told.clear()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(process=False)


@pytest.fixture(params=["memory", "nats"])
async def bus(request, metrics):
    if request.param == "memory":
        made = MemoryBus(metrics)
        await made.start()
    else:
        made = NatsBus(request.getfixturevalue("nats_server").url, metrics=metrics)
        await made.start()
        async with asyncio.timeout(PATIENCE):
            await made.wait_connected()
    yield made
    await made.close()


async def test_messages_come_in_order(bus):
    """A subscription hears what is published, in order."""
    ear = Ear()
    await bus.subscribe("order.a", ear)
    for number in range(200):
        assert await bus.publish("order.a", str(number).encode())
    assert [await ear.next() for _ in range(200)] == [("order.a", str(n).encode()) for n in range(200)]


async def test_many_messages_go_together(bus, metrics):
    """Many are heard in their order and counted one by one; one that cannot be sent is said, and those after it are not sent."""
    ear = Ear()
    await bus.subscribe("many.>", ear)
    assert await bus.publish_all([BusMessage(f"many.{n}", b"") for n in range(50)])
    assert [(await ear.next())[0] for _ in range(50)] == [f"many.{n}" for n in range(50)]
    assert metrics.value("towpath_bus_published_total") == 50
    assert not await bus.publish_all([BusMessage("many.a", b""), BusMessage("bad subject", b""), BusMessage("many.b", b"")])
    assert await bus.publish("many.c", b"")
    assert [(await ear.next())[0] for _ in range(2)] == ["many.a", "many.c"]
    assert await bus.publish_all([])


@pytest.mark.parametrize(
    ("pattern", "fits", "misses"),
    [
        ("m1.a.b", "m1.a.b", "m1.a.c"),
        ("m2.*.b", "m2.x.b", "m2.x.y.b"),
        ("m3.>", "m3.x.y.z", "m3"),
        ("m4.*.*.>", "m4.a.b.c.d", "m4.a.b"),
    ],
)
async def test_patterns(bus, pattern, fits, misses):
    """`*` is one token, `>` is one or more at the end."""
    ear = Ear()
    await bus.subscribe(pattern, ear)
    await bus.publish(misses, b"no")
    await bus.publish(fits, b"yes")
    assert await ear.next() == (fits, b"yes")


async def test_every_fitting_subscription_hears(bus):
    """Subscriptions do not share messages."""
    ears = [Ear(), Ear()]
    for ear in ears:
        await bus.subscribe("all.>", ear)
    await bus.publish("all.x", b"1")
    assert [await ear.next() for ear in ears] == [("all.x", b"1")] * 2


async def test_an_ended_subscription_hears_nothing(bus):
    """After `unsubscribe` the handler is not called; a second call is harmless."""
    ended, going = Ear(), Ear()
    subscription = await bus.subscribe("end.x", ended)
    await bus.subscribe("end.x", going)
    await subscription.unsubscribe()
    await subscription.unsubscribe()
    await bus.publish("end.x", b"1")
    await going.next()
    assert ended.heard.empty()


async def test_a_failing_handler_hears_the_next_message(bus, metrics):
    """A handler's bug is logged and counted and ends nothing."""
    ear = Ear()
    await bus.subscribe("bug.x", ear)
    with capture_logs() as lines:
        await bus.publish("bug.x", b"fail")
        await bus.publish("bug.x", b"2")
        assert await ear.next() == ("bug.x", b"2")
    assert [line["subject"] for line in lines if line["event"] == "bus_handler_failed"] == ["bug.x"]
    assert metrics.value("towpath_bus_handler_errors_total") == 1


async def test_a_slow_handler_loses_messages_and_is_told(bus, metrics, monkeypatch):
    """A full queue drops, counts, and tells of a gap, instead of growing."""
    monkeypatch.setattr(bus_module, "QUEUE", 2)
    gaps, go, hearing = Gaps(bus), asyncio.Event(), asyncio.Event()

    async def slow(_) -> None:
        hearing.set()
        await go.wait()

    await bus.subscribe("slow.x", slow)
    await bus.publish("slow.x", b"")
    await hearing.wait()
    for _ in range(4):
        await bus.publish("slow.x", b"")
    await gaps.wait()
    go.set()
    await bus.flush()
    assert metrics.value("towpath_bus_dropped_total", reason="slow_handler") >= 1


async def test_a_bad_subject_is_dropped(bus, metrics):
    """A subject that NATS refuses costs the message and nothing else."""
    ear = Ear()
    await bus.subscribe("good.x", ear)
    with capture_logs():
        assert not await bus.publish("bad subject", b"1")
    assert await bus.publish("good.x", b"2")
    assert await ear.next() == ("good.x", b"2")
    assert metrics.value("towpath_bus_dropped_total", reason="error") == 1


async def test_a_closed_bus_drops(bus, metrics):
    """After `close`, and after a second one, publishing drops."""
    await bus.close()
    await bus.close()
    assert not await bus.publish("x", b"")
    assert not bus.connected
    assert metrics.value("towpath_bus_dropped_total", reason="disconnected") == 1


async def test_a_closed_bus_starts_again(bus):
    """A bus that was closed can be started and heard on."""
    await bus.close()
    await bus.start()
    if isinstance(bus, NatsBus):
        await bus.wait_connected()
    ear = Ear()
    await bus.subscribe("again.x", ear)
    await bus.publish("again.x", b"1")
    assert await ear.next() == ("again.x", b"1")


@pytest.fixture
async def own_nats(open_directory):
    server = EmbeddedNats(open_directory / "nats")
    await server.start()
    yield server
    await server.stop()


async def listening(server, metrics, **options):
    bus = NatsBus(server.url, metrics=metrics, **options)
    ear = Ear()
    await bus.subscribe("doorbell.>", ear)
    gaps = Gaps(bus)
    await bus.start()
    return bus, ear, gaps


async def test_nats_may_come_later(own_nats, metrics):
    """A bus starts without NATS and connects when it comes, with its subscriptions."""
    await own_nats.stop()
    with capture_logs():
        bus, ear, _ = await listening(own_nats, metrics)
        assert not await bus.publish("doorbell.1", b"")
        await own_nats.start()
        async with asyncio.timeout(PATIENCE):
            await bus.wait_connected()
    assert await bus.publish("doorbell.2", b"")
    assert await ear.next() == ("doorbell.2", b"")
    await bus.close()


async def test_a_killed_nats_is_found_again(own_nats, metrics):
    """After kill -9 and a restart the bus hears again and has told of the gap."""
    with capture_logs():
        bus, ear, gaps = await listening(own_nats, metrics)
        await bus.wait_connected()
        os.kill(own_nats.pid, signal.SIGKILL)
        await own_nats.wait_failed()
        await own_nats.restart()
        await gaps.wait()
    assert await bus.publish("doorbell.1", b"")
    assert await ear.next() == ("doorbell.1", b"")
    assert metrics.value("towpath_bus_connections_total") == 2
    await bus.close()


async def test_a_deaf_connection_is_noticed(own_nats, metrics):
    """A connection that is open but carries nothing is thrown away and made anew."""
    with capture_logs() as lines:
        bus, ear, gaps = await listening(own_nats, metrics, probe_interval=0.1)
        await bus.wait_connected()
        os.kill(own_nats.pid, signal.SIGSTOP)
        try:
            async with asyncio.timeout(PATIENCE):
                while bus.connected:
                    # publishing to a frozen server returns at once
                    async with asyncio.timeout(1):
                        await bus.publish("doorbell.lost", b"")
                    await asyncio.sleep(0)
        finally:
            os.kill(own_nats.pid, signal.SIGCONT)
        await gaps.wait()
    assert "bus_deaf" in [line["event"] for line in lines]
    assert metrics.value("towpath_bus_deaf_total") >= 1
    await bus.publish("doorbell.1", b"")
    while await ear.next() != ("doorbell.1", b""):
        pass
    await bus.close()


async def test_a_subscription_is_confirmed_by_the_server(own_nats, metrics):
    """One that is made while the server stands still is not, until the next connection has taken it along."""
    bus, _, gaps = await listening(own_nats, metrics)
    await bus.wait_connected()
    os.kill(own_nats.pid, signal.SIGSTOP)
    try:
        with capture_logs() as lines:
            late = await bus.subscribe("doorbell.late", Ear())
            assert not late.confirmed
            assert "bus_subscribe_failed" in [line["event"] for line in lines]
    finally:
        os.kill(own_nats.pid, signal.SIGKILL)
    await own_nats.wait_failed()
    await own_nats.restart()
    await gaps.wait()
    assert late.confirmed
    await bus.close()


async def test_a_refused_connection_leaves_nothing_open(own_nats, metrics):
    """A bus with a wrong token tries again and again without leaking a socket."""
    bus = NatsBus(own_nats.url.replace("nats://", "nats://wrong"), metrics=metrics)
    with capture_logs() as lines:
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(5):
            with pytest.raises((nats.errors.Error, OSError)):
                await bus._connect()
        assert len(os.listdir("/proc/self/fd")) == before
        await bus.start()
        await asyncio.sleep(0)
        await bus.close()
    assert own_nats.url.split("@")[0].removeprefix("nats://") not in str(lines)
