"""The loop that offers stranded runs again.

Every run that has not ended is offered, owned or waiting. One that is none of the three will never move by itself: a fault of ours, a
hand in the database, a restore from a backup. The service finds such runs, keeps the count of their lives and the reason; this loop only
asks and proposes.

What can go wrong:
- *A run stops being stranded between the look and the offer*: the service looks again in its own transaction and answers `NOT_STRANDED`,
  which is no error here.
- *Two loops see the same run*: the first offer wins, the second is refused, so no life is spent twice.
- *A run kills whatever runs it*: each offer costs a life and waits longer; without lives left the service fails the run and says why.
- *One run cannot be offered*: it is refused by itself, named in the log, left out for the rest of the turn, and tried again at the next.
- *No loop runs*: stranded runs stay where they are, and are found later.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from towpath_lazarus.decision import Stranded, to_offer
from towpath_proto.errors import Code
from towpath_service_kit.bus import Bus
from towpath_service_kit.client import ApiClient
from towpath_service_kit.clock import Clock
from towpath_service_kit.logs import get_log
from towpath_service_kit.loops import LoopConfig, LoopResult, LoopService

_log = get_log(__name__)
_RACES = frozenset({Code.NOT_STRANDED, Code.NOT_FOUND})
_STRANDED = """query LazarusStranded($limit: Int!) {
  stranded_flow_runs(limit: $limit) { flow_run_id tenant_id state lives since }
}"""
_REOFFER = """mutation LazarusReoffer($input: reoffer_flow_runs_input!) {
  reoffer_flow_runs(input: $input) { results }
}"""


class Lazarus(LoopService):
    """See the module.

    Args:
        api: The gateway.
        sweep: Most seconds between two turns.
        batch: Runs offered at a time.
        bus: Tells it to look at once after a gap in the events; no event wakes it otherwise, since a run is stranded by what did not
            happen.
        clock: The clock by which it sleeps.
    """

    def __init__(self, api: ApiClient, *, sweep: float, batch: int, bus: Bus | None = None, clock: Clock | None = None) -> None:
        super().__init__("lazarus", LoopConfig(sweep=sweep), bus=bus, clock=clock)
        self._api = api
        self._batch = batch
        self._refused = self.metrics.counter("towpath_lazarus_refused_total", "Offers that the service refused.", ["code"])

    async def run_once(self) -> LoopResult:
        """See `LoopService`."""
        named: set[str] = set()
        offered, refused = 0, 0
        while True:
            answer = await self._api.execute(_STRANDED, {"limit": self._batch + refused})
            runs = to_offer([Stranded.from_row(row) for row in answer["stranded_flow_runs"]], frozenset(named))
            if not runs:
                return LoopResult(items=offered, detail={"refused": refused})
            named.update(run.flow_run_id for run in runs)
            taken = await self._offer(runs)
            offered, refused = offered + taken, refused + len(runs) - taken

    async def _offer(self, runs: Sequence[Stranded]) -> int:
        answer = await self._api.execute(_REOFFER, {"input": {"flow_run_ids": [run.flow_run_id for run in runs]}})
        offered = 0
        for run, result in zip(runs, answer["reoffer_flow_runs"]["results"], strict=True):
            who: dict[str, Any] = {"run_id": run.flow_run_id, "state": run.state, "lives": run.lives, "since": run.since}
            code = result.get("code")
            if not code:
                offered += 1
                _log.warning("run_offered_again", outcome=result.get("status"), **who)
                continue
            self._refused.labels(code).inc()
            tell = _log.info if code in _RACES else _log.error
            tell("offer_refused", code=code, reason=result.get("message"), **who)
        return offered
