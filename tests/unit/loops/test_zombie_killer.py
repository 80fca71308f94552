"""The zombie killer against an API in memory."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from towpath_proto.errors import Code, TowpathError
from towpath_service_kit.testing import START_STOP_CASES, LifecycleCase, ManualClock, MemoryBus, capture_logs
from towpath_zombie_killer.config import Config
from towpath_zombie_killer.loop import ZombieKiller
from towpath_zombie_killer.main import build

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


@dataclass
class Lease:
    """An owned run, as the service knows it."""

    fence: int
    expires: datetime


class Backend:
    """What the graphql service does with the killer's calls.

    Attributes:
        leases: Run id -> lease.
        renewing: Runs whose owner renews between look and reap.
        broken: Runs that cannot be reaped.
        gate: Until when the reap gate is closed.
    """

    def __init__(self, api: Any, clock: ManualClock) -> None:
        self.leases: dict[str, Lease] = {}
        self.renewing: set[str] = set()
        self.broken: set[str] = set()
        self.gate: datetime | None = None
        self._clock = clock
        api.answers = {"expired_leases": self._expired, "reap_flow_runs": self._reap}

    def _expired(self, variables: dict[str, Any]) -> dict[str, Any]:
        now = self._clock.now()
        closed = self.gate is not None and self.gate > now
        over = sorted((lease.expires, run) for run, lease in self.leases.items() if lease.expires <= now)[: variables["limit"]]
        earliest = min((lease.expires for lease in self.leases.values()), default=None)
        return {
            "runs": []
            if closed
            else [
                {
                    "flow_run_id": run,
                    "tenant_id": str(UUID(int=1)),
                    "fence": self.leases[run].fence,
                    "holder": "agent-1",
                    "phase": "running",
                    "last_beat": None,
                    "expired_at": expires.isoformat(),
                }
                for expires, run in over
            ],
            "next_expiry": earliest.isoformat() if earliest else None,
            "now": now.isoformat(),
            "gate_closed_until": self.gate.isoformat() if self.gate else None,
        }

    def _reap(self, variables: dict[str, Any]) -> dict[str, Any]:
        return {"results": [self._reap_one(run["flow_run_id"], run["fence"]) for run in variables["input"]["runs"]]}

    def _reap_one(self, run: str, fence: int) -> dict[str, Any]:
        if run in self.renewing:
            self.leases[run].expires = self._clock.now() + timedelta(seconds=15)
        code = None
        if run not in self.leases:
            code = "NOT_OWNED"
        elif run in self.broken:
            code = "INTERNAL"
        elif self.leases[run].fence != fence:
            code = "FENCED"
        elif self.leases[run].expires > self._clock.now():
            code = "LEASE_ALIVE"
        else:
            del self.leases[run]
        return {"id": run, "status": "ERROR" if code else "SUCCESS", "code": code, "message": None}


def run_id(number: int) -> str:
    return str(UUID(int=number + 1))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def backend(api: Any, clock: ManualClock) -> Backend:
    return Backend(api, clock)


@pytest.fixture
def killer(api: Any, clock: ManualClock) -> ZombieKiller:
    return ZombieKiller(api.client(), sweep=3.0, batch=10, clock=clock)


async def test_expired_leases_are_reaped_and_living_ones_are_not(killer: ZombieKiller, backend: Backend) -> None:
    """Only what has expired is named, with its fence, and the log tells run, holder and fence; the next look is at the next expiry."""
    backend.leases = {
        run_id(0): Lease(7, NOW - timedelta(seconds=4)),
        run_id(1): Lease(1, NOW + timedelta(seconds=2)),
        run_id(2): Lease(1, NOW + timedelta(seconds=14)),
    }
    with capture_logs("towpath_zombie_killer") as lines:
        result = await killer.run_once()
    assert (result.items, result.lag, result.next_at) == (1, 4.0, NOW + timedelta(seconds=2))
    assert set(backend.leases) == {run_id(1), run_id(2)}
    told = next(line for line in lines if line["event"] == "run_reaped")
    assert (told["run_id"], told["holder"], told["phase"], told["fence"]) == (run_id(0), "agent-1", "running", 7)


async def test_a_mass_death_is_reaped_in_one_turn(killer: ZombieKiller, backend: Backend, api: Any) -> None:
    """More dead runs than a batch holds are taken batch by batch, without waiting for the next turn."""
    backend.leases = {run_id(number): Lease(1, NOW - timedelta(seconds=1)) for number in range(35)}
    assert (await killer.run_once()).items == 35
    assert [len(call["input"]["runs"]) for call in api.sent("reap_flow_runs")] == [10, 10, 10, 5]
    assert backend.leases == {}


async def test_nothing_happens_while_the_gate_is_closed(killer: ZombieKiller, backend: Backend, api: Any, clock: ManualClock) -> None:
    """After an outage of the write path nobody is reaped; the killer is there when the gate opens."""
    backend.leases = {run_id(0): Lease(1, NOW - timedelta(seconds=20))}
    backend.gate = NOW + timedelta(seconds=2)
    result = await killer.run_once()
    assert (result.items, result.next_at) == (0, NOW + timedelta(seconds=3))
    assert api.sent("reap_flow_runs") == []
    clock.advance(2)
    assert (await killer.run_once()).items == 1


async def test_an_owner_that_renews_in_between_keeps_its_run(killer: ZombieKiller, backend: Backend) -> None:
    """A race lost to the owner is told quietly, costs the run nothing, and the turn ends."""
    backend.leases = {run_id(0): Lease(1, NOW - timedelta(seconds=1))}
    backend.renewing = {run_id(0)}
    with capture_logs("towpath_zombie_killer") as lines:
        result = await killer.run_once()
    assert (result.items, result.detail["refused"]) == (0, 1)
    assert set(backend.leases) == {run_id(0)}
    assert [(line["event"], line["level"], line["code"]) for line in lines] == [("reap_refused", "info", "LEASE_ALIVE")]


async def test_one_run_that_cannot_be_reaped_holds_up_no_other(killer: ZombieKiller, backend: Backend, clock: ManualClock) -> None:
    """Refused runs fill no page: those behind them are reaped, the refused ones are errors in the log, and the turn does not spin."""
    backend.leases = {run_id(number): Lease(1, NOW - timedelta(seconds=30 - number)) for number in range(25)}
    backend.broken = {run_id(number) for number in range(10)}
    with capture_logs("towpath_zombie_killer") as lines:
        result = await killer.run_once()
    assert (result.items, result.detail["refused"]) == (15, 10)
    assert set(backend.leases) == backend.broken
    assert sum(line["event"] == "reap_refused" and line["level"] == "error" for line in lines) == 10
    assert killer.metrics.value("towpath_zombie_killer_refused_total", code="INTERNAL") == 10
    assert result.next_at == clock.now() + timedelta(seconds=3)


async def test_two_killers_reap_each_run_once(api: Any, backend: Backend, clock: ManualClock) -> None:
    """The second of two equal proposals is refused."""
    backend.leases = {run_id(number): Lease(1, NOW - timedelta(seconds=1)) for number in range(20)}
    results = await asyncio.gather(*(ZombieKiller(api.client(), sweep=3.0, batch=10, clock=clock).run_once() for _ in range(2)))
    assert sum(result.items for result in results) == 20


async def test_it_sleeps_to_the_next_expiry(killer: ZombieKiller, backend: Backend, clock: ManualClock, busy_turn: Any) -> None:
    """A run whose owner dies is reaped at the moment its lease ends, not at the next sweep."""
    backend.leases = {run_id(0): Lease(1, NOW + timedelta(seconds=1.5))}
    with killer.turns.listen() as turns:
        await killer.start()
        turn = await busy_turn(turns, clock)
        assert turn.result.items == 1
        assert turn.result.lag < 0.1
        assert timedelta(seconds=1.5) <= clock.now() - NOW < timedelta(seconds=1.6)
        await killer.stop()


@pytest.mark.parametrize("case", START_STOP_CASES, ids=lambda case: case.__name__)
async def test_survives_start_stop_abuse(case: LifecycleCase, api: Any, backend: Backend) -> None:
    """Any order of starts and stops ends with nothing running."""
    config = Config.from_env({"TOWPATH_SERVICE_TOKEN": "a-service-token-of-some-length"})
    await case(lambda: build(config, api, MemoryBus()))


def test_settings() -> None:
    """Defaults are the documented ones; a bad value is refused with its setting."""
    token = {"TOWPATH_SERVICE_TOKEN": "0123456789abcdef"}
    config = Config.from_env(token)
    assert (config.port, config.sweep, config.batch) == (4204, 3.0, 200)
    with pytest.raises(TowpathError) as refusal:
        Config.from_env({**token, "TOWPATH_ZOMBIE_KILLER_SWEEP": "soon"})
    assert refusal.value.code is Code.BAD_SETTING
