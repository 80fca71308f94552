"""The schedule that people set for a flow group."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from towpath_graphql.domain.group_schedule import build
from towpath_proto import schedules
from towpath_proto.errors import Code, TowpathError

SUMMER = datetime(2026, 7, 1, 10, 30, tzinfo=UTC)


def fires(schedule, n=2):
    """Its next fires in summer, as (day, hour, minute) UTC."""
    return [(f.time.day, f.time.hour, f.time.minute) for f in schedules.parse(schedule).fires(SUMMER, n)]


def test_seconds_come_in_and_microseconds_are_stored():
    """The JSON is Prefect 1's: a client of it reads the same schedule."""
    schedule = build([], [{"interval": 90, "parameter_defaults": {"lock": 1}}], None)
    assert schedule == {
        "type": "Schedule",
        "clocks": [
            {
                "type": "IntervalClock", "interval": 90_000_000, "start_date": None, "end_date": None,
                "parameter_defaults": {"lock": 1}, "labels": None,
            }
        ],
    }  # fmt: skip


def test_clocks_follow_the_wall_clock_of_the_zone():
    """A cron and an interval of a day mean the zone's hours; without a zone UTC's."""
    cron, daily = [{"cron": "0 9 * * *"}], [{"interval": 86_400}]
    assert fires(build(cron, [], "Europe/Berlin")) == [(2, 7, 0), (3, 7, 0)]
    assert fires(build(cron, [], None)) == [(2, 9, 0), (3, 9, 0)]
    assert fires(build([], daily, "Europe/Berlin")) == [(1, 22, 0), (2, 22, 0)]
    assert fires(build(cron, daily, "UTC")) == [(2, 0, 0), (2, 9, 0)]


def test_the_same_call_means_the_same_schedule():
    """Nothing in it depends on when it was asked for, so a repeated call changes nothing."""
    assert build([{"cron": "0 9 * * *"}], [], "UTC") == build([{"cron": "0 9 * * *"}], [], "UTC")


@pytest.mark.parametrize(
    "given",
    [
        ([], [], None),
        ([{"cron": "x"}], [], None),
        ([], [{"interval": 59}], None),
        ([], [{"interval": -60}], None),
        ([{"cron": "0 9 * * *"}], [], "Mars/Olympus"),
        ([{"cron": "0 9 * * *"}], [], ""),
        ([{"cron": "0 9 * * *", "parameter_defaults": [1]}], [], None),
    ],
)
def test_what_means_nothing_is_refused(given):
    """With one code, and a sentence that names the field."""
    with pytest.raises(TowpathError) as caught:
        build(*given)
    assert caught.value.code is Code.BAD_SCHEDULE
