"""Lazarus against an API in memory."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from towpath_lazarus.config import Config
from towpath_lazarus.loop import Lazarus
from towpath_lazarus.main import build
from towpath_proto.errors import Code, TowpathError
from towpath_service_kit.testing import START_STOP_CASES, LifecycleCase, ManualClock, MemoryBus, capture_logs

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


class Backend:
    """What the graphql service does with lazarus's calls.

    Attributes:
        stranded: Run id -> lives spent.
        offered: Run ids that were offered again.
        broken: Runs that cannot be offered.
        moved: Runs that stop being stranded between look and offer.
    """

    def __init__(self, api: Any) -> None:
        self.stranded: dict[str, int] = {}
        self.offered: list[str] = []
        self.broken: set[str] = set()
        self.moved: set[str] = set()
        api.answers = {"stranded_flow_runs": self._stranded, "reoffer_flow_runs": self._reoffer}

    def _stranded(self, variables: dict[str, Any]) -> list[dict[str, Any]]:
        found = sorted(self.stranded)[: variables["limit"]]
        return [
            {"flow_run_id": run, "tenant_id": str(UUID(int=1)), "state": "Running", "lives": self.stranded[run], "since": NOW.isoformat()}
            for run in found
        ]

    def _reoffer(self, variables: dict[str, Any]) -> dict[str, Any]:
        return {"results": [self._reoffer_one(run) for run in variables["input"]["flow_run_ids"]]}

    def _reoffer_one(self, run: str) -> dict[str, Any]:
        if run in self.moved:
            self.stranded.pop(run, None)
        code = "INTERNAL" if run in self.broken else None if run in self.stranded else "NOT_STRANDED"
        if code is None:
            del self.stranded[run]
            self.offered.append(run)
        return {"id": run, "status": "ERROR" if code else "SUCCESS", "code": code, "message": None}


def run_id(number: int) -> str:
    return str(UUID(int=number + 1))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def backend(api: Any) -> Backend:
    return Backend(api)


@pytest.fixture
def lazarus(api: Any, clock: ManualClock) -> Lazarus:
    return Lazarus(api.client(), sweep=5.0, batch=10, clock=clock)


async def test_stranded_runs_are_offered_again(lazarus: Lazarus, backend: Backend) -> None:
    """Each is named once, and the log tells its state and its lives."""
    backend.stranded = {run_id(0): 0, run_id(1): 2}
    with capture_logs("towpath_lazarus") as lines:
        result = await lazarus.run_once()
    assert (result.items, result.next_at, result.more) == (2, None, False)
    assert backend.offered == [run_id(0), run_id(1)]
    told = [(line["run_id"], line["state"], line["lives"]) for line in lines if line["event"] == "run_offered_again"]
    assert told == [(run_id(0), "Running", 0), (run_id(1), "Running", 2)]


async def test_more_than_a_batch_and_broken_ones_in_front(lazarus: Lazarus, backend: Backend) -> None:
    """Refused runs hold up nobody: the others are offered in the same turn, and the turn ends."""
    backend.stranded = dict.fromkeys(map(run_id, range(35)), 0)
    backend.broken = set(map(run_id, range(12)))
    with capture_logs("towpath_lazarus") as lines:
        result = await lazarus.run_once()
    assert (result.items, result.detail["refused"]) == (23, 12)
    assert set(backend.stranded) == backend.broken
    assert sum(line["level"] == "error" for line in lines) == 12
    assert lazarus.metrics.value("towpath_lazarus_refused_total", code="INTERNAL") == 12


async def test_a_run_that_moved_meanwhile_is_no_error(lazarus: Lazarus, backend: Backend) -> None:
    """Somebody was faster: told quietly."""
    backend.stranded, backend.moved = {run_id(0): 0}, {run_id(0)}
    with capture_logs("towpath_lazarus") as lines:
        assert (await lazarus.run_once()).items == 0
    assert [(line["event"], line["level"], line["code"]) for line in lines] == [("offer_refused", "info", "NOT_STRANDED")]


async def test_two_loops_spend_one_life(api: Any, backend: Backend, clock: ManualClock) -> None:
    """Replicas at the same time offer each run once."""
    backend.stranded = dict.fromkeys(map(run_id, range(20)), 0)
    results = await asyncio.gather(*(Lazarus(api.client(), sweep=5.0, batch=10, clock=clock).run_once() for _ in range(2)))
    assert sum(result.items for result in results) == 20
    assert sorted(backend.offered) == sorted(set(backend.offered))


async def test_it_sweeps(lazarus: Lazarus, backend: Backend, clock: ManualClock, busy_turn: Any) -> None:
    """A run that is stranded later is found within one sweep, without any event."""
    with lazarus.turns.listen() as turns:
        await lazarus.start()
        assert (await turns.next()).result.items == 0  # type: ignore[union-attr]
        backend.stranded = {run_id(0): 0}
        assert (await busy_turn(turns, clock)).result.items == 1
        assert (clock.now() - NOW).total_seconds() <= 5.1
        await lazarus.stop()


@pytest.mark.parametrize("case", START_STOP_CASES, ids=lambda case: case.__name__)
async def test_survives_start_stop_abuse(case: LifecycleCase, api: Any, backend: Backend) -> None:
    """Any order of starts and stops ends with nothing running."""
    config = Config.from_env({"TOWPATH_SERVICE_TOKEN": "a-service-token-of-some-length"})
    await case(lambda: build(config, api, MemoryBus()))


def test_settings() -> None:
    """Defaults are the documented ones; a bad value is refused with its setting."""
    token = {"TOWPATH_SERVICE_TOKEN": "0123456789abcdef"}
    config = Config.from_env(token)
    assert (config.port, config.sweep, config.batch) == (4205, 5.0, 200)
    with pytest.raises(TowpathError) as refusal:
        Config.from_env({**token, "TOWPATH_API_URL": "localhost"})
    assert refusal.value.code is Code.BAD_SETTING
