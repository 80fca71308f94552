"""Filters and adjustments as authors write them mean what the scheduler reads, and a schedule that never fires is refused."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from towpath import Flow
from towpath.client.packing import pack
from towpath.errors import FlowError
from towpath.schedules import CronSchedule, IntervalClock, IntervalSchedule, Schedule, adjustments, filters
from towpath.testing import ManualClock
from towpath_proto.errors import Code

START = datetime(2026, 1, 1, tzinfo=UTC)  # a Thursday
HOURLY = IntervalClock(timedelta(hours=1), START)
DAILY = IntervalClock(timedelta(days=1), START)


def days(schedule: Schedule, count: int) -> list[str]:
    return [f"{event.start_time:%a %d %b %H:%M}" for event in schedule.events(START - timedelta(seconds=1), count)]


@pytest.mark.parametrize(
    ("clock", "rule", "expected"),
    [
        (DAILY, filters.is_weekday, ["Thu 01 Jan 00:00", "Fri 02 Jan 00:00", "Mon 05 Jan 00:00"]),
        (DAILY, filters.is_weekend, ["Sat 03 Jan 00:00", "Sun 04 Jan 00:00", "Sat 10 Jan 00:00"]),
        (DAILY, filters.is_month_start, ["Thu 01 Jan 00:00", "Sun 01 Feb 00:00", "Sun 01 Mar 00:00"]),
        (DAILY, filters.is_month_end, ["Sat 31 Jan 00:00", "Sat 28 Feb 00:00", "Tue 31 Mar 00:00"]),
        (DAILY, filters.on_date(2, 3), ["Tue 03 Feb 00:00", "Wed 03 Feb 00:00"]),
        (DAILY, filters.is_day_of_week(0), ["Sun 04 Jan 00:00", "Sun 11 Jan 00:00"]),
        (DAILY, filters.between_dates(12, 31, 1, 1), ["Thu 01 Jan 00:00", "Thu 31 Dec 00:00", "Fri 01 Jan 00:00"]),
        (HOURLY, filters.at_time(time(6)), ["Thu 01 Jan 06:00", "Fri 02 Jan 06:00"]),
        (HOURLY, filters.between_times(time(23), time(1)), ["Thu 01 Jan 00:00", "Thu 01 Jan 01:00", "Thu 01 Jan 23:00"]),
        (HOURLY, filters.on_datetime(START + timedelta(days=40)), ["Tue 10 Feb 00:00"]),
        (
            HOURLY,
            filters.between_datetimes(START + timedelta(days=1), START + timedelta(days=1, hours=1)),
            ["Fri 02 Jan 00:00", "Fri 02 Jan 01:00"],
        ),
    ],
)
def test_each_filter_means_what_its_name_says(clock: Any, rule: Any, expected: list[str]) -> None:
    assert days(Schedule([clock], filters=[rule]), len(expected)) == expected


def test_or_filters_not_filters_and_adjustments() -> None:
    """One of the or-filters must accept a time, none of the not-filters may, adjustments move what is left."""
    schedule = Schedule(
        [DAILY],
        or_filters=[filters.is_month_start, filters.is_weekend],
        not_filters=[filters.on_date(1, 3)],
        adjustments=[adjustments.next_weekday, adjustments.add(timedelta(hours=6))],
    )
    assert days(schedule, 3) == ["Thu 01 Jan 06:00", "Mon 05 Jan 06:00", "Mon 12 Jan 06:00"]


def test_a_function_of_ones_own_is_no_filter() -> None:
    """The scheduler runs no user code, so only what it knows by name is taken."""
    with pytest.raises(FlowError, match="functions of your own cannot run in the scheduler") as caught:
        Schedule([DAILY], filters=[lambda moment: True])  # type: ignore[list-item]
    assert caught.value.code == Code.BAD_SCHEDULE


@pytest.mark.parametrize(
    "schedule", [CronSchedule("0 0 30 2 *"), IntervalSchedule(START, timedelta(days=1), end_date=START - timedelta(days=1))]
)
def test_a_schedule_that_never_fires_is_refused_before_anything_is_sent(schedule: Schedule) -> None:
    """`register` and `flow.run()` refuse it alike."""
    flow = Flow("never", schedule=schedule)
    for refused in (lambda: pack(flow), lambda: flow.run(clock=ManualClock())):
        with pytest.raises(FlowError, match="this schedule never fires") as caught:
            refused()
        assert caught.value.code == Code.BAD_SCHEDULE


def test_filters_that_let_nothing_through_are_told(caplog: pytest.LogCaptureFixture) -> None:
    """What may come after all, in a search that has an end, is a warning."""
    schedule = Schedule([DAILY], filters=[filters.is_weekday, filters.is_weekend])
    with caplog.at_level(logging.WARNING, "towpath.schedules"):
        pack(Flow("quiet", schedule=schedule))
    assert "The schedule makes no runs as it stands" in caplog.text
