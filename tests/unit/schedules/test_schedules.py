"""What schedules mean, by example: each clock, filter and adjustment, the clock-change days that people ask about, and what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from calendar import isleap
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from towpath_proto.errors import Code, TowpathError
from towpath_proto.schedules import EXAMINED, Schedule, parse


def cron(text: str, zone: str = "America/New_York", start: str = "2020-01-01T00:00:00", **rest: Any) -> dict[str, Any]:
    return {"type": "CronClock", "cron": text, "start_date": {"dt": start, "tz": zone}, "end_date": None, "day_or": True, **rest}


def interval(length: timedelta, start: str = "2020-01-01T00:00:00", zone: str = "America/New_York", **rest: Any) -> dict[str, Any]:
    microseconds = length // timedelta(microseconds=1)
    return {"type": "IntervalClock", "interval": microseconds, "start_date": {"dt": start, "tz": zone}, "end_date": None, **rest}


def dates(*walls: str, zone: str = "UTC", **rest: Any) -> dict[str, Any]:
    return {"type": "DatesClock", "dates": [{"dt": wall, "tz": zone} for wall in walls], **rest}


def schedule(*clocks: dict[str, Any], **rest: Any) -> Schedule:
    return parse({"clocks": list(clocks), "filters": [], "or_filters": [], "not_filters": [], "adjustments": [], **rest})


def fn(name: str, home: str = "prefect.schedules.filters", **kwargs: Any) -> dict[str, Any]:
    return {"fn": f"{home}.{name}", "kwargs": kwargs}


def add(interval: Any) -> dict[str, Any]:
    return fn("add", "prefect.schedules.adjustments", interval=interval)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def times(of: Schedule, after: str, limit: int) -> list[str]:
    return [fire.time.strftime("%Y-%m-%d %H:%M") for fire in of.fires(at(after), limit)]


SPRING, AUTUMN = "2026-03-08", "2026-11-01"  # New York


@pytest.mark.parametrize(
    ("text", "after", "expected"),
    [
        pytest.param("30 2 * * *", "03-07 12:00", ["03-08 07:30", "03-09 06:30"], id="a left-out time fires once, a day after the last"),
        pytest.param("30 1 * * *", "10-31 12:00", ["11-01 05:30", "11-02 06:30"], id="a repeated time fires at its first occurrence"),
        pytest.param("0 * * * *", "03-08 06:00", ["03-08 07:00", "03-08 08:00"], id="two wall times of one instant fire once"),
        pytest.param("0 * * * *", "11-01 04:00", ["11-01 05:00", "11-01 07:00"], id="an hourly cron fires once in a repeated hour"),
        pytest.param("*/30 * * * *", "03-08 06:00", ["03-08 06:30", "03-08 07:00", "03-08 07:30"], id="a cadence does not notice spring"),
        pytest.param("*/30 * * * *", "11-01 05:00", ["11-01 05:30", "11-01 06:00", "11-01 06:30"], id="a cadence does not notice autumn"),
        pytest.param("15,45 2 * * *", "03-08 00:00", ["03-08 07:15", "03-08 07:45", "03-09 06:15"], id="left-out times keep their places"),
        pytest.param("30 2,3 * * *", "03-08 00:00", ["03-08 07:30", "03-09 06:30", "03-09 07:30"], id="a moved time meets a real one"),
    ],
)
def test_cron_on_clock_change_days(text: str, after: str, expected: list[str]) -> None:
    """The written rule holds on the two days of the year that break schedulers."""
    assert times(schedule(cron(text)), f"2026-{after}", len(expected)) == [f"2026-{moment}" for moment in expected]


def test_cron_asks_within_the_second_pass_of_a_repeated_hour() -> None:
    """A fixed time does not fire again when the question comes between its two occurrences; a cadence does."""
    assert times(schedule(cron("30 1 * * *")), "2026-11-01 05:45", 1) == ["2026-11-02 06:30"]
    assert times(schedule(cron("*/20 * * * *")), "2026-11-01 05:45", 2) == ["2026-11-01 06:00", "2026-11-01 06:20"]


def test_a_whole_day_is_left_out() -> None:
    """Samoa had no 30 December 2011: its noon falls on the next day's noon, which fires once."""
    noon = schedule(cron("0 12 * * *", "Pacific/Apia", "2011-01-01T00:00:00"))
    assert times(noon, "2011-12-29 00:00", 3) == ["2011-12-29 22:00", "2011-12-30 22:00", "2011-12-31 22:00"]


def test_interval_of_a_day_keeps_its_hour_and_of_24_hours_too() -> None:
    """A day is a day of the wall clock, also when it is written as 24 hours: the JSON cannot tell them apart."""
    daily = schedule(interval(timedelta(hours=24), "2026-03-07T09:00:00"))
    assert times(daily, "2026-03-07 00:00", 3) == ["2026-03-07 14:00", "2026-03-08 13:00", "2026-03-09 13:00"]


def test_interval_below_a_day_is_elapsed_time() -> None:
    """Twelve hours are twelve hours on every day."""
    half = schedule(interval(timedelta(hours=12), "2026-03-07T09:00:00"))
    assert times(half, "2026-03-07 14:00", 3) == ["2026-03-08 02:00", "2026-03-08 14:00", "2026-03-09 02:00"]


def test_interval_without_start_counts_from_the_anchor() -> None:
    """Without a start date fires are multiples of the interval since 2019-01-01 UTC, as in Prefect 1."""
    clock = {"type": "IntervalClock", "interval": 7 * 3600 * 1_000_000, "start_date": None, "end_date": None}
    assert times(schedule(clock), "2019-01-01 00:00", 2) == ["2019-01-01 07:00", "2019-01-01 14:00"]


def test_bounds_are_inclusive_and_after_is_exclusive() -> None:
    """Start and end may fire themselves, the instant asked from may not, and nothing follows the end."""
    end = {"dt": "2026-01-02T10:00:00", "tz": "UTC"}
    for clock in (
        cron("0 10 * * *", "UTC", "2026-01-01T10:00:00", end_date=end),
        interval(timedelta(days=1), "2026-01-01T10:00:00", "UTC", end_date=end),
        dates("2026-01-02T10:00:00", "2026-01-01T10:00:00", "2026-01-01T10:00:00"),
    ):
        assert times(schedule(clock), "2000-01-01 00:00", 9) == ["2026-01-01 10:00", "2026-01-02 10:00"]
        assert times(schedule(clock), "2026-01-01 10:00", 9) == ["2026-01-02 10:00"]
        assert schedule(clock).look(at("2026-01-02 10:00"), 9).never_fires


def test_clocks_are_merged_and_equal_fires_are_one() -> None:
    """Fires of several clocks come in time order; the same instant twice is two runs only when parameters or labels differ."""
    hourly = cron("0 */6 * * *", "UTC", parameter_defaults={"x": 1})
    same, other, tagged = ({**hourly, "cron": "0 0 * * *"}, cron("0 0 * * *", "UTC"), {**hourly, "cron": "0 0 * * *", "labels": ["b", "a"]})
    fires = schedule(hourly, same, other, tagged, dict(hourly)).fires(at("2026-01-01 18:00"), 4)
    assert [fire.time.hour for fire in fires] == [0, 0, 0, 6]
    told = {(json.dumps(fire.parameter_defaults), fire.labels) for fire in fires[:3]}
    assert told == {('{"x": 1}', None), ("{}", None), ('{"x": 1}', ("a", "b"))}


def test_the_key_of_a_clock_is_its_content() -> None:
    """Reordering clocks, another writer's nulls and version marks do not change a key; another zone or parameter does."""
    one, two = cron("0 9 * * *"), interval(timedelta(hours=1))
    keys = [clock.key for clock in schedule(one, two).clocks]
    shuffled = schedule(
        {**two, "__version__": "1.4.1"}, {**dict(reversed(one.items())), "labels": None, "parameter_defaults": {}, "day_or": None}
    )
    assert [clock.key for clock in shuffled.clocks] == keys[::-1]
    changed = (
        cron("0 9 * * *", "UTC"),
        cron("1 9 * * *"),
        {**one, "labels": []},
        {**one, "parameter_defaults": {"x": 1}},
        {**one, "day_or": False},
    )
    assert len({clock.key for clock in schedule(one, *changed).clocks}) == 6


@pytest.mark.parametrize(
    ("names", "kept"),
    [
        ([fn("is_weekday")], [2, 5]),
        ([fn("is_weekend", "towpath.schedules.filters")], [3, 4]),
        ([fn("is_day_of_week", day_of_week=0)], [4]),
        ([fn("on_date", month=1, day=3)], [3]),
        ([fn("between_dates", start_month=12, start_day=31, end_month=1, end_day=2)], [2]),
        ([fn("on_datetime", dt="//datetime:2026-01-04T12:00:00+00:00")], [4]),
        ([fn("between_datetimes", start="//datetime:2026-01-03T12:00:00+00:00", end="//datetime:2026-01-04T23:00:00+00:00")], [3, 4]),
        ([fn("at_time", t="//time:12:00:00")], [2, 3, 4, 5]),
        ([fn("at_time", t="//time:12:00:01")], []),
        ([fn("between_times", start="//time:22:00:00", end="//time:12:00:00")], [2, 3, 4, 5]),
        ([fn("between_times", start="//time:13:00:00", end="//time:14:00:00")], []),
        ([fn("is_weekend"), fn("on_date", month=1, day=3)], [3]),
    ],
)
def test_filters(names: list[dict[str, Any]], kept: list[int]) -> None:
    """Every known filter, at noons from Friday 2 to Monday 5 January 2026; as filters all must accept, as not_filters none may."""
    noons = dates(*(f"2026-01-0{day}T12:00:00" for day in (2, 3, 4, 5)))
    after = at("2026-01-01 00:00")
    assert [fire.time.day for fire in schedule(noons, filters=names).fires(after, 9)] == kept
    if len(names) == 1:
        assert [fire.time.day for fire in schedule(noons, not_filters=names).fires(after, 9)] == [
            day for day in (2, 3, 4, 5) if day not in kept
        ]
        assert [fire.time.day for fire in schedule(noons, or_filters=[*names, fn("on_date", month=1, day=5)]).fires(after, 9)] == sorted(
            {*kept, 5}
        )


def test_month_filters_see_the_zone_of_the_clock() -> None:
    """Midnight UTC on the first is the last of the month in New York."""
    clock = interval(timedelta(days=1), "2026-01-01T19:00:00")
    assert times(schedule(clock, filters=[fn("is_month_end")]), "2026-01-15 00:00", 2) == ["2026-02-01 00:00", "2026-03-01 00:00"]
    assert times(schedule(clock, filters=[fn("is_month_start")]), "2026-01-15 00:00", 1) == ["2026-02-02 00:00"]


def test_adjustments_keep_the_order_and_reach_back() -> None:
    """Weekend fires move to Monday, also when the question comes on Sunday, and meet Monday's own fire as one."""
    adjust = [fn("next_weekday", "prefect.schedules.adjustments")]
    daily = schedule(cron("0 9 * * *", "UTC"), adjustments=adjust)
    assert times(daily, "2026-01-02 09:00", 2) == ["2026-01-05 09:00", "2026-01-06 09:00"]
    assert times(daily, "2026-01-04 12:00", 1) == ["2026-01-05 09:00"]
    later = schedule(dates("2026-01-03T23:00:00", "2026-01-04T01:00:00"), adjustments=adjust)
    assert times(later, "2026-01-04 12:00", 9) == ["2026-01-05 01:00", "2026-01-05 23:00"]


def test_add_moves_whole_days_by_the_wall_clock() -> None:
    """One day later is the same hour, also over a clock change; 90 minutes are 90 minutes."""
    clock = dates("2026-03-07T09:00:00", zone="America/New_York")
    day = schedule(clock, adjustments=[fn("add", "prefect.schedules.adjustments", interval="//timedelta:86400.0")])
    assert times(day, "2026-01-01 00:00", 9) == ["2026-03-08 13:00"]
    back = schedule(clock, adjustments=[fn("add", "towpath.schedules.adjustments", interval="//timedelta:-5400.0")])
    assert times(back, "2026-01-01 00:00", 9) == ["2026-03-07 12:30"]


def test_adjustments_over_a_clock_change() -> None:
    """A wall-clock day is 23 to 25 hours long, so moved fires may swap places or come from further back; none is lost."""
    day = [add(86400.0)]
    spring = schedule(dates("2026-03-07T02:30:00", "2026-03-07T03:00:00", zone="America/New_York"), adjustments=day)
    assert times(spring, "2026-01-01 00:00", 9) == ["2026-03-08 07:00", "2026-03-08 07:30"]
    autumn = schedule(dates("2026-10-31T02:00:00", zone="America/New_York"), adjustments=day)
    assert times(autumn, "2026-11-01 06:30", 9) == ["2026-11-01 07:00"]


@pytest.mark.parametrize(
    ("text", "day_or", "expected"),
    [
        ("0 0 13 * 5", True, ["02-06", "02-13", "02-20", "02-27", "03-06", "03-13"]),
        ("0 0 13 * 5", False, ["02-13", "03-13", "11-13"]),
        ("0 0 L * *", True, ["02-28", "03-31", "04-30"]),
        ("0 0 * * L5", True, ["02-27", "03-27", "04-24"]),
        ("0 0 * * mon#2", True, ["02-09", "03-09", "04-13"]),
        ("0 0 29 2 *", True, ["2028-02-29", "2032-02-29"]),
        ("0 0 * FEB-MAR/1 sun", True, ["02-01", "02-08"]),
        ("@monthly", True, ["02-01", "03-01"]),
        ("0 0 1 * * 30", True, ["02-01", "03-01"]),
    ],
)
def test_cron_days(text: str, day_or: bool, expected: list[str]) -> None:
    """Both day fields, last days, numbered weekdays, names, macros and a fixed second."""
    fires = schedule(cron(text, "UTC", day_or=day_or)).fires(at("2026-01-31 12:00"), len(expected))
    assert [fire.time.strftime("%Y-%m-%d") for fire in fires] == [day if len(day) > 5 else f"2026-{day}" for day in expected]
    assert {fire.time.second for fire in fires} == {30 if text.endswith("30") else 0}


def test_a_schedule_that_never_fires_says_so() -> None:
    """30 February is over at once; filters that refuse all leave a horizon instead, and the sentence tells the two apart."""
    never = schedule(cron("0 0 30 2 *")).look(at("2026-01-01 00:00"), 10)
    assert never.never_fires
    assert str(never) == "never fires again"
    refused = schedule(interval(timedelta(minutes=1), zone="UTC"), filters=[fn("is_month_end")]).look(at("2026-01-01 00:00"), 10)
    assert refused.fires == ()
    assert not refused.over
    assert refused.seen_until == at("2026-01-01 00:00") + timedelta(minutes=EXAMINED + 1)
    assert str(refused).startswith("no fire before 2026-01-07T22:41")
    leap = schedule(cron("0 0 29 2 1", "UTC", day_or=False)).look(at("2077-01-01 00:00"), 2)
    mondays = [year for year in range(2078, 2201) if isleap(year) and date(year, 2, 29).weekday() == 0]
    assert [fire.time.year for fire in leap.fires] == mondays[:2]
    assert str(leap) == f"next fire at {mondays[0]}-02-29T00:00:00+00:00"


def test_the_longest_wait_of_a_cron_is_waited_for() -> None:
    """A leap day on each weekday comes in the end, also over 2100, which has none."""
    for weekday in range(7):
        years = [year for year in range(2060, 2160) if isleap(year) and date(year, 2, 29).isoweekday() % 7 == weekday]
        leap = schedule(cron(f"0 0 29 2 {weekday}", "UTC", day_or=False))
        assert [fire.time.year for fire in leap.fires(at("2060-01-01 00:00"), len(years))] == years


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (None, "clocks"),
        ({"clocks": []}, "clocks"),
        ({"clocks": "x"}, "clocks"),
        ({"clocks": ["x"]}, "clocks[0].type"),
        ({"clocks": [{"type": "RRuleClock", "rrule_obj": {}}]}, "clocks[0].type"),
        ({"clocks": [cron("61 * * * *")]}, "clocks[0].cron"),
        ({"clocks": [cron("")]}, "clocks[0].cron"),
        ({"clocks": [cron("R * * * *")]}, "clocks[0].cron"),
        ({"clocks": [cron("0 H(0-5) * * *")]}, "clocks[0].cron"),
        ({"clocks": [cron("0 0 15W * *")]}, "clocks[0].cron"),
        ({"clocks": [cron("* * * * * *")]}, "clocks[0].cron"),
        ({"clocks": [cron("0 0 1 1 * 0 2030")]}, "clocks[0].cron"),
        ({"clocks": [{**cron("* * * * *"), "cron": 5}]}, "clocks[0].cron"),
        ({"clocks": [cron("* * * * *", day_or="yes")]}, "clocks[0].day_or"),
        ({"clocks": [cron("* * * * *", "Mars/Olympus")]}, "clocks[0].start_date.tz"),
        ({"clocks": [cron("* * * * *", "../etc/passwd")]}, "clocks[0].start_date.tz"),
        ({"clocks": [cron("* * * * *", "America")]}, "clocks[0].start_date.tz"),
        ({"clocks": [cron("* * * * *", start="yesterday")]}, "clocks[0].start_date.dt"),
        ({"clocks": [cron("* * * * *", end_date="2026-01-01")]}, "clocks[0].end_date"),
        ({"clocks": [cron("* * * * *", "+05:00", "0001-01-01T00:00:00")]}, "clocks[0].start_date.dt"),
        ({"clocks": [cron("* * * * *", labels="a")]}, "clocks[0].labels"),
        ({"clocks": [cron("* * * * *", parameter_defaults=[1])]}, "clocks[0].parameter_defaults"),
        ({"clocks": [interval(timedelta(seconds=59))]}, "clocks[0].interval"),
        ({"clocks": [{**interval(timedelta(hours=1)), "interval": "1h"}]}, "clocks[0].interval"),
        ({"clocks": [{**interval(timedelta(hours=1)), "interval": 1e300}]}, "clocks[0].interval"),
        ({"clocks": [dates()]}, "clocks[0].dates"),
        ({"clocks": [cron("* * * * *")], "filters": [{"fn": "my.module.odd_days", "kwargs": {}}]}, "filters[0].fn"),
        ({"clocks": [cron("* * * * *")], "filters": ["is_weekday"]}, "filters[0]"),
        ({"clocks": [cron("* * * * *")], "or_filters": [fn("on_date", month=13, day=1)]}, "or_filters[0].month"),
        ({"clocks": [cron("* * * * *")], "not_filters": [fn("at_time")]}, "not_filters[0]"),
        ({"clocks": [cron("* * * * *")], "filters": [fn("is_weekday", x=1)]}, "filters[0]"),
        ({"clocks": [cron("* * * * *")], "filters": [fn("at_time", t=4)]}, "filters[0].t"),
        (
            {"clocks": [cron("* * * * *")], "adjustments": [fn("add", "prefect.schedules.adjustments", interval="nan")]},
            "adjustments[0].interval",
        ),
        (
            {"clocks": [cron("* * * * *")], "adjustments": [fn("add", "prefect.schedules.adjustments", interval=1e12)]},
            "adjustments[0].interval",
        ),
        ({"clocks": [cron("* * * * *")], "adjustments": [fn("add", interval=1)]}, "adjustments[0].fn"),
    ],
)
def test_what_is_refused_and_where(value: Any, field: str) -> None:
    """A schedule that means nothing is refused with the code, the path of the field in the JSON, and a sentence."""
    with pytest.raises(TowpathError) as refusal:
        parse(value)
    assert refusal.value.code is Code.BAD_SCHEDULE
    assert refusal.value.detail == {"field": field}
    assert refusal.value.message.startswith(f"schedule.{field} ")


def test_a_naive_after_is_a_mistake() -> None:
    """Asking without a zone is a bug of the caller, not of the schedule."""
    with pytest.raises(ValueError, match="aware"):
        schedule(cron("* * * * *")).fires(datetime(2026, 1, 1), 1)  # noqa: DTZ001


def test_the_far_future_ends_quietly() -> None:
    """Clocks and adjustments near the last year of datetime end; they do not raise."""
    adjust = [fn("add", "prefect.schedules.adjustments", interval=86400.0 * 3650)]
    for clock in (cron("0 0 1 1 *"), interval(timedelta(days=3000)), dates("9999-12-31T23:00:00", zone="UTC")):
        outlook = schedule(clock, adjustments=adjust, filters=[fn("is_month_end")]).look(at("8990-01-01 00:00"), 10_000)
        assert outlook.over


def test_the_next_ten_fires_are_cheap() -> None:
    """Ten fires of a daily cron cost well under a few milliseconds, also on a busy machine."""
    daily = schedule(cron("0 9 * * 1-5"))
    best = 1.0
    for _ in range(20):
        begin = time.perf_counter()
        daily.fires(at("2026-10-25 00:00"), 10)
        best = min(best, time.perf_counter() - begin)
    assert best < 0.003


def test_croniter_is_imported_only_for_crons() -> None:
    """Importing the package costs no third party; the SDK imports it when a flow has a schedule."""
    code = "import sys, towpath_proto.schedules; sys.exit('croniter' in sys.modules or 'dateutil' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
