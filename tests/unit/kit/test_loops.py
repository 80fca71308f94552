"""When a loop runs: at the start, by events, by the given instant, by the sweep; and how it bears failure."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import httpx
import pytest

from towpath_service_kit.loops import LoopConfig, LoopResult, LoopService
from towpath_service_kit.testing import START_STOP_CASES, ManualClock, MemoryBus, capture_logs

CONFIG = LoopConfig(sweep=10, jitter=0, spacing=0)


class Scripted(LoopService):
    """A loop whose turns do what a list says: a result, an exception, or a function."""

    def __init__(self, *script, config=CONFIG, **options) -> None:
        super().__init__("scripted", config, **options)
        self.script = list(script)

    async def run_once(self) -> LoopResult:
        step = self.script.pop(0) if self.script else LoopResult()
        if isinstance(step, Exception):
            raise step
        return await step() if callable(step) else step


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def run():
    started = []

    async def start(loop):
        started.append(loop)
        await loop.start()
        return loop

    yield start
    for loop in started:
        await loop.stop()


async def test_it_runs_at_the_start_and_after_each_sweep(clock, run):
    """Without events a turn follows at the start and after each sweep."""
    loop = Scripted(clock=clock)
    with loop.turns.listen() as turns:
        await run(loop)
        assert (await turns.next()).cause == "start"
        assert await clock.until_waiting() == 10
        clock.advance(9)
        assert turns.waiting == 0
        clock.advance(1)
        assert (await turns.next()).cause == "timer"


async def test_it_sleeps_to_the_given_instant(clock, run):
    """`next_at` brings the next turn forward, to the instant."""
    loop = Scripted(LoopResult(next_at=clock.now() + timedelta(seconds=3)), clock=clock)
    with loop.turns.listen() as turns:
        await run(loop)
        await turns.next()
        assert await clock.until_waiting() == 3
        clock.advance(3)
        assert (await turns.next()).cause == "timer"
        assert await clock.until_waiting() == 10


async def test_a_far_instant_does_not_delay_the_sweep(clock, run):
    """The sweep holds even when the next work is far away."""
    loop = Scripted(LoopResult(next_at=clock.now() + timedelta(days=1)), clock=clock)
    with loop.turns.listen() as turns:
        await run(loop)
        await turns.next()
        assert await clock.until_waiting() == 10


async def test_an_event_wakes_it(clock, run):
    """An event on one of its subjects makes it run with no time passing."""
    bus = MemoryBus()
    await bus.start()
    loop = Scripted(clock=clock, bus=bus, patterns=["towpath.v1.*.run.>"])
    with loop.turns.listen() as turns:
        await run(loop)
        await turns.next()
        await clock.until_waiting()
        await bus.publish("towpath.v1.t.run.1.created", b"{}")
        assert (await turns.next()).cause == "event"
        bus.reconnect()
        assert (await turns.next()).cause == "gap"
    await loop.stop()
    await bus.close()


async def test_an_event_during_a_turn_brings_another(clock, run):
    """An event that comes while a turn works may have come too late for it, so another turn follows."""
    working, go = asyncio.Event(), asyncio.Event()

    async def work() -> LoopResult:
        working.set()
        await go.wait()
        return LoopResult()

    loop = Scripted(work, clock=clock)
    with loop.turns.listen() as turns:
        await run(loop)
        await working.wait()
        loop.wake()
        loop.wake()
        go.set()
        assert [(await turns.next()).cause for _ in range(2)] == ["start", "event"]
        await clock.until_waiting()
        assert turns.waiting == 0


async def test_a_storm_of_events_shares_turns(clock, run):
    """Events within the spacing make one turn, when the spacing is over."""
    loop = Scripted(clock=clock, config=LoopConfig(sweep=10, jitter=0, spacing=1))
    with loop.turns.listen() as turns:
        await run(loop)
        await turns.next()
        assert await clock.until_waiting() == 1
        for _ in range(100):
            loop.wake()
        assert turns.waiting == 0
        clock.advance(1)
        assert (await turns.next()).cause == "event"
        assert await clock.until_waiting() == 1
        assert turns.waiting == 0


async def test_left_over_work_is_done_at_once(clock, run):
    """A turn that left work is followed by another with no time passing."""
    loop = Scripted(LoopResult(items=5, more=True), LoopResult(items=2), clock=clock)
    with loop.turns.listen() as turns:
        await run(loop)
        assert [((await turns.next()).cause) for _ in range(2)] == ["start", "more"]
    assert loop.metrics.value("towpath_loop_items_total") == 7
    assert loop.metrics.value("towpath_loop_runs_total", outcome="succeeded") == 2


async def test_failures_are_counted_and_tried_again_ever_more_slowly(clock, run):
    """A failing turn is logged, counted, repeated after 0.25, 0.5, 1 … seconds; success ends that."""
    loop = Scripted(*(ValueError(f"no {n}") for n in range(3)), clock=clock)
    with capture_logs() as lines, loop.turns.listen() as turns:
        await run(loop)
        for pause in (0.25, 0.5, 1):
            assert str((await turns.next()).error).startswith("no ")
            loop.wake()  # an event does not shorten the pause
            assert await clock.until_waiting() == pause
            clock.advance(pause)
        turn = await turns.next()
        assert (turn.error, turn.cause) == (None, "retry")
    assert [line["failures"] for line in lines if line["event"] == "loop_turn_failed"] == [1, 2, 3]
    assert loop.metrics.value("towpath_loop_runs_total", outcome="failed") == 3
    assert await loop.ready() == {}


async def test_a_turn_that_takes_too_long_is_a_failure(clock, run):
    """A turn that hangs is cancelled after the timeout, and the loop goes on."""

    async def hang() -> LoopResult:
        await asyncio.get_running_loop().create_future()
        raise AssertionError

    loop = Scripted(hang, clock=clock, config=LoopConfig(sweep=10, run_timeout=0.01))
    with capture_logs(), loop.turns.listen() as turns:
        await run(loop)
        assert isinstance((await turns.next()).error, TimeoutError)
        assert "it took too long" in (await loop.ready())["loop"]


async def test_health_is_the_age_of_the_last_success(clock, run):
    """A loop is ready while a turn has succeeded within three sweeps and a timeout."""
    loop = Scripted(clock=clock)
    assert await loop.ready() == {"loop": "it is not running"}
    with loop.turns.listen() as turns:
        await run(loop)
        await turns.next()
        assert await loop.ready() == {}
        loop.script = [ValueError("the gateway is away")]
        await clock.until_waiting()
        with capture_logs():
            clock.advance(91)
            await turns.next()
        assert await loop.ready() == {"loop": "no turn has succeeded for 91 s: the gateway is away"}
        async with httpx.AsyncClient(transport=httpx.ASGITransport(loop.app), base_url="http://loop") as http:
            answers = [await http.get(path) for path in ("/health/live", "/health/ready", "/metrics")]
    assert [answer.status_code for answer in answers] == [200, 503, 200]
    assert answers[1].json()["status"] == "unavailable"
    assert b"towpath_loop_run_seconds_count" in answers[2].content


async def test_stop_lets_a_turn_end(clock):
    """A turn under way is finished before `stop` returns."""
    working, ended = asyncio.Event(), []

    async def work() -> LoopResult:
        working.set()
        await asyncio.sleep(0)
        ended.append(True)
        return LoopResult()

    loop = Scripted(work, clock=clock)
    await loop.start()
    await working.wait()
    await loop.stop()
    assert ended == [True]


async def test_stop_cancels_a_turn_that_does_not_end(clock):
    """A turn that hangs is cancelled when the patience is over."""

    async def hang() -> LoopResult:
        await asyncio.get_running_loop().create_future()
        raise AssertionError

    loop = Scripted(hang, clock=clock, config=LoopConfig(sweep=10, stop_timeout=0.01))
    await loop.start()
    await asyncio.sleep(0)
    with capture_logs() as lines:
        await loop.stop()
    assert [line["event"] for line in lines] == ["loop_stopped_midway"]


def test_jitter_only_brings_turns_forward():
    """The pause lies between sweep less jitter and sweep."""
    loop = Scripted(config=LoopConfig(sweep=10, jitter=0.5, spacing=0))
    pauses = [loop._until_next(LoopResult()) for _ in range(200)]
    assert 5 <= min(pauses) < max(pauses) <= 10


def test_nonsense_is_refused():
    """A configuration or a result that makes no sense fails when it is made."""
    with pytest.raises(ValueError, match="sweep"):
        LoopConfig(sweep=0)
    with pytest.raises(ValueError, match="aware"):
        LoopResult(next_at=datetime(2026, 1, 1))  # noqa: DTZ001 - that is the mistake


@pytest.mark.parametrize("case", START_STOP_CASES, ids=lambda case: case.__name__)
async def test_start_stop_abuse(case, clock):
    """A loop passes the start/stop suite of all services."""
    bus = MemoryBus()
    await bus.start()
    await case(lambda: Scripted(clock=clock, bus=bus, patterns=["a.>", "b"]))
    assert bus._inboxes == []
