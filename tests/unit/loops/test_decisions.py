"""The pure decisions of the loops: what a schedule lacks, how long the reaper sleeps, which stranded runs are named."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from towpath_lazarus.decision import Stranded, to_offer
from towpath_proto.errors import Code
from towpath_proto.schedules import Outlook, parse
from towpath_scheduler.plan import Outlooks, Refusal, Source, plan
from towpath_zombie_killer.decision import Look, next_look

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
HOURLY = {"clocks": [{"type": "CronClock", "cron": "0 * * * *", "start_date": None, "end_date": None}]}


def source(schedule: Any = HOURLY, *, upcoming: list[dict[str, str]] | None = None, now: datetime = NOW, flow_id: str = "flow-1") -> Source:
    return Source.from_row(
        {
            "flow_id": flow_id,
            "flow_group_id": "group-1",
            "tenant_id": "tenant-1",
            "flow_name": "etl",
            "schedule": schedule,
            "upcoming": upcoming or [],
            "now": now.isoformat(),
        }
    )


def look(of: Source, outlooks: Outlooks | None = None) -> Outlook:
    outlook = (outlooks or Outlooks(ahead=10)).look(of)
    assert isinstance(outlook, Outlook)
    return outlook


def test_plan_fills_up_to_ten_ahead() -> None:
    """Without any run ten are missing; the next look is when the first of them fires."""
    result = plan(source(), look(source()))
    assert [fire.time.hour for fire in result.missing] == [13, 14, 15, 16, 17, 18, 19, 20, 21, 22]
    assert result.look_again == NOW + timedelta(hours=1)


def test_plan_leaves_what_exists() -> None:
    """Runs are told apart by clock and time, whatever offset their times are written in; other clocks' runs do not count."""
    key = parse(HOURLY).clocks[0].key
    upcoming = [
        *({"clock": key, "time": (NOW + timedelta(hours=hours)).isoformat()} for hours in (1, 2, 10)),
        {"clock": key, "time": "2026-05-04T17:00:00+02:00"},
        {"clock": "another", "time": "2026-05-04T16:00:00+00:00"},
    ]
    of = source(upcoming=upcoming)
    assert [fire.time.hour for fire in plan(of, look(of)).missing] == [16, 17, 18, 19, 20, 21]


def test_plan_of_a_schedule_that_is_over() -> None:
    """Nothing to do, and no reason to look again."""
    ended = source({"clocks": [{"type": "DatesClock", "dates": [{"dt": "2020-01-01T00:00:00", "tz": "UTC"}]}]})
    assert plan(ended, look(ended)).look_again is None


def test_plan_of_a_schedule_whose_filters_refuse_looks_again_half_way() -> None:
    """A look that was cut short is repeated before its horizon comes."""
    minutely = {
        "clocks": [{"type": "IntervalClock", "interval": 60_000_000}],
        "filters": [{"fn": "prefect.schedules.filters.is_month_end"}],
    }
    of = source(minutely)
    again = plan(of, look(of)).look_again
    assert again is not None
    assert NOW + timedelta(days=3) < again < NOW + timedelta(days=4)


def test_outlooks_are_remembered_until_a_fire_passes() -> None:
    """The memory saves work and never changes the answer: a passed fire, another schedule or a reactivated one is looked at anew."""
    outlooks = Outlooks(ahead=10)
    first = look(source(), outlooks)
    assert look(source(now=NOW + timedelta(minutes=59)), outlooks) is first
    assert (
        look(source(now=NOW + timedelta(minutes=60)), outlooks).fires
        == first.fires[1:] + look(source(now=NOW + timedelta(hours=1))).fires[-1:]
    )
    daily = {"clocks": [{**HOURLY["clocks"][0], "cron": "0 0 * * *"}]}
    assert look(source(daily), outlooks).fires[1].time == datetime(2026, 5, 6, tzinfo=UTC)
    other = look(source(flow_id="flow-2"), outlooks)
    outlooks.keep_only({"flow-1"})
    assert look(source(flow_id="flow-2"), outlooks) is not other


def test_a_bad_schedule_is_news_once() -> None:
    """A refusal is remembered, so that a log need not repeat it at each sweep, and is news again after a change."""
    outlooks = Outlooks(ahead=10)
    results = [outlooks.look(source({"clocks": []})), outlooks.look(source({"clocks": []})), outlooks.look(source({"clocks": [1]}))]
    assert [isinstance(result, Refusal) and result.news for result in results] == [True, False, True]
    assert all(isinstance(result, Refusal) and result.reason.code is Code.BAD_SCHEDULE for result in results)


def payload(*, next_expiry: float | None = None, gate: float | None = None) -> dict[str, Any]:
    def at(seconds: float | None) -> str | None:
        return None if seconds is None else (NOW + timedelta(seconds=seconds)).isoformat()

    return {"runs": [], "next_expiry": at(next_expiry), "gate_closed_until": at(gate), "now": NOW.isoformat()}


@pytest.mark.parametrize(
    ("next_expiry", "gate", "expected"),
    [
        pytest.param(None, None, 3.0, id="nothing owned: the sweep"),
        pytest.param(1.25, None, 1.25, id="the next expiry"),
        pytest.param(14.0, None, 3.0, id="never longer than the sweep"),
        pytest.param(0.001, None, 0.05, id="not a busy loop"),
        pytest.param(-5.0, None, 3.0, id="an expiry that has passed is no reason to hurry"),
        pytest.param(0.5, 2.0, 2.0, id="not before the gate opens"),
        pytest.param(0.5, 12.0, 3.0, id="a gate far away: the sweep"),
        pytest.param(1.0, -3.0, 1.0, id="a gate that has opened does not count"),
    ],
)
def test_the_reaper_sleeps_to_the_next_expiry(next_expiry: float | None, gate: float | None, expected: float) -> None:
    """The next look comes when a lease may have expired, bounded by the sweep and by the gate."""
    assert next_look(Look.from_payload(payload(next_expiry=next_expiry, gate=gate)), sweep=3.0) == timedelta(seconds=expected)


def test_stranded_runs_are_named_once_and_not_after_a_refusal() -> None:
    """A page may repeat a run; one that was refused in this sweep is not named again."""
    rows = [{"flow_run_id": name, "state": "Running", "lives": 0, "since": None} for name in ("a", "b", "a", "c")]
    assert [run.flow_run_id for run in to_offer([Stranded.from_row(row) for row in rows], frozenset({"c"}))] == ["a", "b"]
