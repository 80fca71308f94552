"""The loop that takes runs from owners that have gone silent.

An owned run has a lease on the database's clock, and its owner renews it while it lives. When the lease is over, the owner is dead,
frozen or cut off; the service then fails or retries what was running and puts the run back, under a fence that the old owner no longer
has. This loop only asks and proposes.

What can go wrong:
- *The owner renews, or another claims the run, between the look and the reap*: the proposal names the fence seen, and the service looks
  again in its own transaction; it answers `LEASE_ALIVE` or `FENCED`, which is no error here.
- *The write path was away, so that nobody could renew*: the service's reap gate is closed for one lease period; it reports nothing expired.
  The gate is the service's alone, because a loop that was away too could not know.
- *Two killers see the same run*: the first reap wins, the second is refused.
- *One run cannot be reaped*: it is refused by itself, named in the log, left out for the rest of the turn, and tried again at the next.
- *No killer runs*: leases stay expired; nothing else breaks, and the first turn of the next killer finds them all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from towpath_proto.errors import Code
from towpath_service_kit.bus import Bus
from towpath_service_kit.client import ApiClient
from towpath_service_kit.clock import Clock
from towpath_service_kit.logs import get_log
from towpath_service_kit.loops import LoopConfig, LoopResult, LoopService
from towpath_zombie_killer.decision import Expired, Look, next_look, to_reap

_log = get_log(__name__)
_RACES = frozenset({Code.LEASE_ALIVE, Code.FENCED, Code.REAP_GATE_CLOSED, Code.NOT_OWNED, Code.NOT_FOUND})
_EXPIRED = """query ZombieKillerExpired($limit: Int!) {
  expired_leases(limit: $limit) {
    runs { flow_run_id tenant_id fence holder phase last_beat expired_at }
    next_expiry now gate_closed_until
  }
}"""
_REAP = """mutation ZombieKillerReap($input: reap_flow_runs_input!) {
  reap_flow_runs(input: $input) { results }
}"""


class ZombieKiller(LoopService):
    """See the module.

    Args:
        api: The gateway.
        sweep: Most seconds between two turns.
        batch: Runs reaped at a time.
        bus: Tells it to look at once after a gap in the events, which is often a gap of the network too; no event wakes it otherwise,
            since no event says that somebody has gone silent.
        clock: The clock by which it sleeps; leases are judged by the database's.
    """

    def __init__(self, api: ApiClient, *, sweep: float, batch: int, bus: Bus | None = None, clock: Clock | None = None) -> None:
        super().__init__("zombie_killer", LoopConfig(sweep=sweep), bus=bus, clock=clock)
        self._api = api
        self._sweep = sweep
        self._batch = batch
        self._refused = self.metrics.counter("towpath_zombie_killer_refused_total", "Reaps that the service refused.", ["code"])

    async def run_once(self) -> LoopResult:
        """See `LoopService`."""
        named: set[str] = set()
        reaped, refused, lag = 0, 0, 0.0
        while True:
            answer = await self._api.execute(_EXPIRED, {"limit": self._batch + refused})
            look = Look.from_payload(answer["expired_leases"])
            lag = max(lag, look.lag)
            runs = to_reap(look, frozenset(named))
            if not runs:
                break
            named.update(run.flow_run_id for run in runs)
            taken = await self._reap(runs)
            reaped, refused = reaped + taken, refused + len(runs) - taken
        return LoopResult(
            items=reaped,
            next_at=self._clock.now() + next_look(look, sweep=self._sweep),
            lag=lag,
            detail={"refused": refused},
        )

    async def _reap(self, runs: Sequence[Expired]) -> int:
        leases = [{"flow_run_id": run.flow_run_id, "fence": run.fence} for run in runs]
        answer = await self._api.execute(_REAP, {"input": {"runs": leases}})
        reaped = 0
        for run, result in zip(runs, answer["reap_flow_runs"]["results"], strict=True):
            who: dict[str, Any] = {
                "run_id": run.flow_run_id,
                "holder": run.holder,
                "phase": run.phase,
                "last_beat": run.last_beat,
                "fence": run.fence,
            }
            code = result.get("code")
            if not code:
                reaped += 1
                _log.warning("run_reaped", **who)
                continue
            self._refused.labels(code).inc()
            tell = _log.info if code in _RACES else _log.error
            tell("reap_refused", code=code, reason=result.get("message"), **who)
        return reaped
