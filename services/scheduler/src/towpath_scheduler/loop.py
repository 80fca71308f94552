"""The loop that keeps the next runs of every active schedule in existence.

It looks at every active schedule, proposes the runs that are missing, and sleeps until the first instant at which some schedule has fewer
ahead than it should: that is when its next fire passes. Events (a schedule changed, a flow was registered) wake it earlier, the sweep
finds what events did not tell.

What can go wrong:
- *Two schedulers do the same work*: the service takes each (flow group, clock, fire time) once; the second proposal changes nothing.
- *A schedule means nothing*: its flow is logged when first seen, counted at each turn, and left out; the others go on.
- *The service refuses a whole proposal*: each flow of it is proposed alone, so that one flow cannot stop the others.
- *The API is away*: the turn fails, the base tries again; the runs that exist already keep firing meanwhile.
- *Nobody scheduled for longer than the runs ahead reach*: fires that have passed are not made up for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from towpath_proto import subjects
from towpath_proto.errors import Code, TowpathError
from towpath_proto.schedules import Fire
from towpath_scheduler.plan import Outlooks, Refusal, Source, plan
from towpath_service_kit.bus import Bus
from towpath_service_kit.client import ApiClient
from towpath_service_kit.clock import Clock
from towpath_service_kit.logs import get_log
from towpath_service_kit.loops import LoopConfig, LoopResult, LoopService

_log = get_log(__name__)
PAGE = 200
"""Schedules read at a time."""
BATCH = 500
"""Runs proposed at a time."""
_AWAY = frozenset({Code.UNREACHABLE, Code.UNAVAILABLE, Code.TIMEOUT, Code.UNAUTHENTICATED, Code.FORBIDDEN})
_SOURCES = """query SchedulerSources($after: UUID, $limit: Int!) {
  schedule_sources(after: $after, limit: $limit) { flow_id flow_name tenant_id schedule upcoming now }
}"""
_SCHEDULE = """mutation SchedulerSchedule($input: schedule_flow_runs_input!) {
  schedule_flow_runs(input: $input) { results }
}"""


@dataclass
class _Tally:
    """What one turn saw and did."""

    seen: set[str] = field(default_factory=set)
    made: int = 0
    refused: int = 0
    bad: int = 0
    wait: timedelta | None = None

    def wake_in(self, wait: timedelta) -> None:
        self.wait = wait if self.wait is None else min(self.wait, wait)


class Scheduler(LoopService):
    """See the module.

    Args:
        api: The gateway.
        sweep: Most seconds between two turns.
        ahead: Runs kept ahead of each schedule.
        bus: Where events come from.
        clock: The clock by which it sleeps; what is due is judged by the database's.
    """

    def __init__(self, api: ApiClient, *, sweep: float, ahead: int, bus: Bus | None = None, clock: Clock | None = None) -> None:
        wakers = (subjects.pattern("schedule.changed"), subjects.pattern("flow.registered"))
        super().__init__("scheduler", LoopConfig(sweep=sweep), bus=bus, patterns=wakers, clock=clock)
        self._api = api
        self._outlooks = Outlooks(ahead=ahead)
        self._bad = self.metrics.gauge("towpath_scheduler_bad_schedules", "Active schedules that mean nothing, at the last turn.")
        self._active = self.metrics.gauge("towpath_scheduler_schedules", "Active schedules at the last turn.")
        self._refused = self.metrics.counter("towpath_scheduler_refused_total", "Proposed runs that the service refused.", ["code"])

    async def run_once(self) -> LoopResult:
        """See `LoopService`."""
        tally = _Tally()
        after: str | None = None
        while True:
            answer = await self._api.execute(_SOURCES, {"after": after, "limit": PAGE})
            rows: list[dict[str, Any]] = answer["schedule_sources"]
            await self._propose([item for row in rows for item in self._missing(row, tally)], tally)
            if len(rows) < PAGE:
                break
            after = rows[-1]["flow_id"]
        self._outlooks.keep_only(tally.seen)
        self._bad.set(tally.bad)
        self._active.set(len(tally.seen))
        return LoopResult(
            items=tally.made,
            next_at=None if tally.wait is None else self._clock.now() + tally.wait,
            detail={"schedules": len(tally.seen), "bad": tally.bad, "refused": tally.refused},
        )

    def _missing(self, row: dict[str, Any], tally: _Tally) -> list[dict[str, Any]]:
        """The runs that one schedule lacks; none for one that cannot be read."""
        tally.seen.add(row["flow_id"])
        try:
            source = Source.from_row(row)
            outlook = self._outlooks.look(source)
        except Exception as e:  # whatever is wrong with one schedule, the others must go on
            tally.bad += 1
            _log.error("schedule_unreadable", error=e, flow_id=row["flow_id"], flow=row.get("flow_name"), tenant_id=row.get("tenant_id"))
            return []
        if isinstance(outlook, Refusal):
            tally.bad += 1
            if outlook.news:
                who = {"flow_id": source.flow_id, "flow": source.flow_name, "tenant_id": source.tenant_id}
                _log.warning("schedule_refused", code=str(outlook.reason.code), reason=outlook.reason.message, **who)
            return []
        todo = plan(source, outlook)
        if todo.look_again is not None:
            tally.wake_in(todo.look_again - source.now)
        return [_proposal(source.flow_id, fire) for fire in todo.missing]

    async def _propose(self, runs: list[dict[str, Any]], tally: _Tally) -> None:
        for begin in range(0, len(runs), BATCH):
            batch = runs[begin : begin + BATCH]
            try:
                await self._send(batch, tally)
            except TowpathError as e:
                if e.code in _AWAY:
                    raise
                _log.warning("proposal_refused", code=str(e.code), reason=e.message, runs=len(batch))
                await self._propose_one_by_one(batch, tally)

    async def _propose_one_by_one(self, batch: Sequence[dict[str, Any]], tally: _Tally) -> None:
        flows: dict[str, list[dict[str, Any]]] = {}
        for run in batch:
            flows.setdefault(run["flow_id"], []).append(run)
        for flow_id, runs in flows.items():
            try:
                await self._send(runs, tally)
            except TowpathError as e:
                if e.code in _AWAY:
                    raise
                self._count_refusals(str(e.code), len(runs), tally)
                _log.warning("schedule_not_taken", flow_id=flow_id, code=str(e.code), reason=e.message, runs=len(runs))

    async def _send(self, proposed: Sequence[dict[str, Any]], tally: _Tally) -> None:
        answer = await self._api.execute(_SCHEDULE, {"input": {"runs": proposed}})
        for run, result in zip(proposed, answer["schedule_flow_runs"]["results"], strict=True):
            if result.get("code"):
                self._count_refusals(result["code"], 1, tally)
                who = {"flow_id": run["flow_id"], "fire_time": run["fire_time"]}
                _log.warning("run_not_taken", code=result["code"], reason=result.get("message"), **who)
            elif result.get("status") != "EXISTS":
                tally.made += 1

    def _count_refusals(self, code: str, count: int, tally: _Tally) -> None:
        tally.refused += count
        self._refused.labels(code).inc(count)


def _proposal(flow_id: str, fire: Fire) -> dict[str, Any]:
    return {
        "flow_id": flow_id,
        "clock": fire.clock,
        "fire_time": fire.time.isoformat(),
        "parameters": dict(fire.parameter_defaults),
        "labels": None if fire.labels is None else list(fire.labels),
    }
