"""The scheduler against an API in memory."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from towpath_proto import subjects
from towpath_proto.errors import Code, TowpathError
from towpath_scheduler.config import Config
from towpath_scheduler.loop import BATCH, PAGE, Scheduler
from towpath_scheduler.main import build
from towpath_service_kit.testing import START_STOP_CASES, LifecycleCase, ManualClock, MemoryBus, capture_logs

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
HOURLY = {"clocks": [{"type": "CronClock", "cron": "0 * * * *", "parameter_defaults": {"x": 1}, "labels": ["b", "a"]}]}


class Backend:
    """What the graphql service does with the scheduler's calls.

    Attributes:
        flows: Flow id -> schedule.
        runs: (flow, clock, fire time) -> the proposal.
        refuse: Flow ids whose proposals fail the whole call.
    """

    def __init__(self, api: Any, clock: ManualClock) -> None:
        self.flows: dict[str, Any] = {}
        self.runs: dict[tuple[str, str, datetime], dict[str, Any]] = {}
        self.refuse: set[str] = set()
        self._clock = clock
        api.answers = {"schedule_sources": self._sources, "schedule_flow_runs": self._schedule}

    def _sources(self, variables: dict[str, Any]) -> list[dict[str, Any]]:
        after, now = variables["after"], self._clock.now()
        page = sorted(flow for flow in self.flows if after is None or flow > after)[: variables["limit"]]
        return [
            {
                "flow_id": flow,
                "flow_name": f"flow {flow[-3:]}",
                "tenant_id": str(UUID(int=1)),
                "schedule": self.flows[flow],
                "upcoming": [{"clock": clock, "time": time.isoformat()} for of, clock, time in self.runs if of == flow and time > now],
                "now": now.isoformat(),
            }
            for flow in page
        ]

    def _schedule(self, variables: dict[str, Any]) -> dict[str, Any]:
        proposed = variables["input"]["runs"]
        if any(run["flow_id"] in self.refuse for run in proposed):
            raise TowpathError(Code.BAD_PARAMETERS, "One of them cannot be.")
        results = []
        for run in proposed:
            key = (run["flow_id"], run["clock"], datetime.fromisoformat(run["fire_time"]))
            results.append({"id": "run", "status": "EXISTS" if key in self.runs else "CREATED", "code": None, "message": None})
            self.runs.setdefault(key, run)
        return {"results": results}

    def times(self, flow: str) -> list[datetime]:
        return sorted(time for of, _, time in self.runs if of == flow)


def flow_id(number: int) -> str:
    return str(UUID(int=number + 1))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def backend(api: Any, clock: ManualClock) -> Backend:
    return Backend(api, clock)


@pytest.fixture
def bus() -> MemoryBus:
    return MemoryBus()


@pytest.fixture
def scheduler(api: Any, clock: ManualClock, bus: MemoryBus) -> Scheduler:
    return Scheduler(api.client(), sweep=5.0, ahead=10, bus=bus, clock=clock)


async def test_ten_runs_are_kept_ahead(scheduler: Scheduler, backend: Backend, clock: ManualClock) -> None:
    """The first turn makes ten runs with the clock's parameters and labels, the second none, and one more follows each passed fire."""
    backend.flows[flow_id(0)] = HOURLY
    first = await scheduler.run_once()
    assert (first.items, first.next_at) == (10, NOW + timedelta(hours=1))
    assert backend.times(flow_id(0)) == [NOW + timedelta(hours=hours) for hours in range(1, 11)]
    assert {(str(run["parameters"]), tuple(run["labels"])) for run in backend.runs.values()} == {("{'x': 1}", ("a", "b"))}
    assert (await scheduler.run_once()).items == 0
    clock.advance(3600)
    assert (await scheduler.run_once()).items == 1
    assert backend.times(flow_id(0))[-1] == NOW + timedelta(hours=11)


async def test_nothing_is_sent_when_nothing_is_missing(scheduler: Scheduler, backend: Backend, api: Any) -> None:
    """A turn over a complete ledger costs its pages and no mutation."""
    backend.flows[flow_id(0)] = HOURLY
    await scheduler.run_once()
    api.calls.clear()
    await scheduler.run_once()
    assert [root for root, _ in api.calls] == ["schedule_sources"]


async def test_many_flows_in_pages_and_batches(scheduler: Scheduler, backend: Backend, api: Any) -> None:
    """Pages follow the last id, proposals stay within a batch, and every flow gets its runs."""
    count = 2 * PAGE + 1
    backend.flows = {flow_id(number): HOURLY for number in range(count)}
    result = await scheduler.run_once()
    assert result.items == 10 * count
    assert [call["after"] for call in api.sent("schedule_sources")] == [None, flow_id(PAGE - 1), flow_id(2 * PAGE - 1)]
    assert max(len(call["input"]["runs"]) for call in api.sent("schedule_flow_runs")) == BATCH
    assert scheduler.metrics.value("towpath_scheduler_schedules") == count


async def test_one_bad_schedule_stops_no_other(scheduler: Scheduler, backend: Backend) -> None:
    """What cannot be read is named with its flow once, counted at each turn, and left out; a change is told again."""
    backend.flows = {flow_id(0): {"clocks": [{"type": "MoonClock"}]}, flow_id(1): HOURLY, flow_id(2): "{no json"}
    with capture_logs("towpath_scheduler") as lines:
        assert (await scheduler.run_once()).items == 10
        assert (await scheduler.run_once()).items == 0
        backend.flows[flow_id(0)] = {"clocks": []}
        await scheduler.run_once()
    told = [line for line in lines if line["event"] == "schedule_refused"]
    assert [(line["flow_id"], line["code"]) for line in told] == [(flow_id(0), "BAD_SCHEDULE")] * 2
    assert {line["flow_id"] for line in lines if line["event"] == "schedule_unreadable"} == {flow_id(2)}
    assert scheduler.metrics.value("towpath_scheduler_bad_schedules") == 2


async def test_a_flow_whose_runs_are_refused_stops_no_other(scheduler: Scheduler, backend: Backend) -> None:
    """When the service refuses a whole proposal, each flow is proposed alone and only the culprit is left out."""
    backend.flows = {flow_id(number): HOURLY for number in range(3)}
    backend.refuse = {flow_id(1)}
    with capture_logs("towpath_scheduler") as lines:
        result = await scheduler.run_once()
    assert (result.items, result.detail["refused"]) == (20, 10)
    assert [line["flow_id"] for line in lines if line["event"] == "schedule_not_taken"] == [flow_id(1)]
    assert scheduler.metrics.value("towpath_scheduler_refused_total", code="BAD_PARAMETERS") == 10


async def test_one_refused_run_is_told_and_the_rest_is_made(scheduler: Scheduler, backend: Backend, api: Any) -> None:
    """An answer is per item: a refused one is counted, the others stand."""
    backend.flows[flow_id(0)] = HOURLY

    def schedule(variables: dict[str, Any]) -> dict[str, Any]:
        made = [{"id": "run", "status": "CREATED", "code": None, "message": None} for _ in variables["input"]["runs"]]
        return {"results": [{"id": None, "status": "ERROR", "code": "FLOW_ARCHIVED", "message": "Gone."}, *made[1:]]}

    api.answers["schedule_flow_runs"] = schedule
    result = await scheduler.run_once()
    assert (result.items, result.detail["refused"]) == (9, 1)


async def test_replicas_make_each_run_once(api: Any, clock: ManualClock, backend: Backend) -> None:
    """Two schedulers at the same time make what one makes."""
    backend.flows = {flow_id(number): HOURLY for number in range(5)}
    results = await asyncio.gather(*(Scheduler(api.client(), sweep=5.0, ahead=10, clock=clock).run_once() for _ in range(2)))
    assert sum(result.items for result in results) == len(backend.runs) == 50


async def test_a_reactivated_schedule_is_filled_again(scheduler: Scheduler, backend: Backend) -> None:
    """Runs that were deleted are made again: the memory of fire times is no memory of runs."""
    backend.flows[flow_id(0)] = HOURLY
    await scheduler.run_once()
    backend.runs.clear()
    assert (await scheduler.run_once()).items == 10


async def test_it_sleeps_to_the_next_fire(scheduler: Scheduler, backend: Backend, clock: ManualClock, busy_turn: Any) -> None:
    """The next fire ends the sleep, before the sweep does."""
    backend.flows[flow_id(0)] = {"clocks": [{"type": "CronClock", "cron": "* * * * * 2"}]}
    with scheduler.turns.listen() as turns:
        await scheduler.start()
        assert (await turns.next()).result.items == 10  # type: ignore[union-attr]
        turn = await busy_turn(turns, clock)
        assert (turn.cause, turn.result.items) == ("timer", 1)
        assert timedelta(seconds=2) <= clock.now() - NOW < timedelta(seconds=2.1)
        await scheduler.stop()


@pytest.mark.parametrize("event", ["schedule.changed", "flow.registered"])
async def test_it_wakes_on_events(scheduler: Scheduler, backend: Backend, clock: ManualClock, bus: MemoryBus, event: str) -> None:
    """A changed schedule and a registered flow end the sleep at once, without any time passing but the spacing."""
    await bus.start()
    with scheduler.turns.listen() as turns:
        await scheduler.start()
        assert (await turns.next()).result.items == 0  # type: ignore[union-attr]
        backend.flows[flow_id(0)] = HOURLY
        await bus.publish(subjects.subject(event, str(UUID(int=1)), flow_id(0)), b"{}")
        await bus.flush()
        clock.advance(await clock.until_waiting())  # the spacing between two turns
        turn = await turns.next()
        assert (turn.cause, turn.result.items) == ("event", 10)  # type: ignore[union-attr]
        assert clock.now() - NOW < timedelta(seconds=0.1)
        await scheduler.stop()
    await bus.close()


async def test_it_heals_when_the_api_comes_back(scheduler: Scheduler, backend: Backend, api: Any, clock: ManualClock) -> None:
    """While the API is away turns fail and readiness says so; the first turn after it makes what is missing."""
    backend.flows[flow_id(0)] = HOURLY
    api.away = True
    with scheduler.turns.listen() as turns:
        await scheduler.start()
        turn = await turns.next()
        assert isinstance(turn.error, TowpathError)
        assert "Nothing answers" in (await scheduler.ready())["loop"]
        api.away = False
        clock.advance(await clock.until_waiting())
        assert (await turns.next()).result.items == 10  # type: ignore[union-attr]
        assert await scheduler.ready() == {}
        await scheduler.stop()


@pytest.mark.parametrize("case", START_STOP_CASES, ids=lambda case: case.__name__)
async def test_survives_start_stop_abuse(case: LifecycleCase, api: Any, backend: Backend) -> None:
    """Any order of starts and stops ends with nothing running."""
    backend.flows[flow_id(0)] = HOURLY
    config = Config.from_env({"TOWPATH_SERVICE_TOKEN": "a-service-token-of-some-length"})
    await case(lambda: build(config, api, MemoryBus()))


def test_settings() -> None:
    """Defaults are the documented ones; the token is required and not shown; a bad value names its setting."""
    config = Config.from_env({"TOWPATH_SERVICE_TOKEN": "0123456789abcdef"})
    assert (config.api_url, config.port, config.sweep, config.ahead, config.nats_url) == ("http://127.0.0.1:4200", 4203, 5.0, 10, None)
    assert "0123456789abcdef" not in repr(config)
    for env in ({}, {"TOWPATH_SERVICE_TOKEN": "0123456789abcdef", "TOWPATH_SCHEDULER_AHEAD": "0"}):
        with pytest.raises(TowpathError) as refusal:
            Config.from_env(env)
        assert refusal.value.code is Code.BAD_SETTING
