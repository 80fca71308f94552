"""The clock-change rule against slow oracles that step minute by minute, and the laws that every schedule obeys."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from croniter import croniter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from towpath_proto.schedules import parse

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
ZONES = (
    "America/New_York",
    "America/Santiago",  # changes at midnight
    "America/St_Johns",
    "Africa/Casablanca",  # goes back for Ramadan
    "Antarctica/Troll",  # two hours at once
    "Asia/Beirut",
    "Asia/Kolkata",
    "Atlantic/Azores",
    "Australia/Lord_Howe",  # half an hour
    "Europe/Berlin",
    "Europe/Dublin",  # winter time is the exception there
    "Pacific/Apia",  # a day left out
    "Pacific/Chatham",
)
quick = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
heavy = settings(quick, max_examples=40)  # an example may look at several times ten thousand candidates


@cache
def change_days(zone: str) -> tuple[date, ...]:
    """The days of 2005 to 2034 within which the zone's offset changes; some day if there is none."""
    info, found = ZoneInfo(zone), []
    moment = datetime(2005, 1, 1, tzinfo=UTC)
    offset = moment.astimezone(info).utcoffset()
    while moment.year < 2035:
        moment += DAY
        if (now := moment.astimezone(info).utcoffset()) != offset:
            found.append((moment - DAY).date())
            offset = now
    return tuple(found) or (date(2026, 3, 1),)


@dataclass(frozen=True)
class Window:
    """Some days stepped through by the minute of UTC.

    Attributes:
        real: (instant, wall) of every minute.
        named: The instant that each wall minute names: its first occurrence, or its distance from the begin of the gap after the gap.
    """

    real: tuple[tuple[datetime, datetime], ...]
    named: dict[datetime, datetime]


@lru_cache(maxsize=256)
def window(zone: str, day: date) -> Window:
    """Two days before to three days after a day."""
    info = ZoneInfo(zone)
    instant = datetime(day.year, day.month, day.day, tzinfo=UTC) - 2 * DAY
    real, named, previous = [], {}, None
    for _ in range(5 * 24 * 60):
        wall = instant.astimezone(info).replace(tzinfo=None)
        real.append((instant, wall))
        named.setdefault(wall, instant)
        if previous is not None:
            missing, late = previous + MINUTE, instant
            while missing < wall:
                named.setdefault(missing, late)
                missing, late = missing + MINUTE, late + MINUTE
        previous, instant = wall, instant + MINUTE
    return Window(tuple(real), named)


@st.composite
def places(draw: st.DrawFn) -> tuple[str, date]:
    zone = draw(st.sampled_from(ZONES))
    return zone, draw(st.sampled_from(change_days(zone)))


def some(low: int, high: int) -> st.SearchStrategy[frozenset[int] | None]:
    return st.one_of(st.none(), st.frozensets(st.integers(low, high), min_size=1, max_size=4))


def steps(high: int) -> st.SearchStrategy[frozenset[int]]:
    return st.sampled_from([2, 5, 15, 20, 30]).map(lambda step: frozenset(range(0, high + 1, step)))


CRONS = st.tuples(some(0, 59) | steps(59), some(0, 4) | some(0, 23) | steps(23), some(1, 31), some(1, 12), some(0, 6), st.booleans())


def text_of(fields: tuple[Any, ...]) -> str:
    return " ".join("*" if field is None else ",".join(map(str, sorted(field))) for field in fields[:5])


def matches(fields: tuple[Any, ...], wall: datetime) -> bool:
    minutes, hours, days, months, weekdays, day_or = fields
    if not all(field is None or value in field for field, value in ((minutes, wall.minute), (hours, wall.hour), (months, wall.month))):
        return False
    by_day, by_weekday = days is None or wall.day in days, weekdays is None or wall.isoweekday() % 7 in weekdays
    if days is not None and weekdays is not None and day_or:
        return by_day or by_weekday
    return by_day and by_weekday


def is_cadence(fields: tuple[Any, ...]) -> bool:
    return fields[1] is None and (fields[0] is None or len(fields[0]) > 1)


@quick
@given(place=places(), fields=CRONS, offset=st.integers(0, 2 * 24 * 60), seconds=st.sampled_from([0, 0, 1, 59]))
def test_cron_against_the_minute_stepping_oracle(place: tuple[str, date], fields: Any, offset: int, seconds: int) -> None:
    """Over days on which clocks change, a cron fires at exactly the instants that the written rule names."""
    zone, day = place
    view = window(zone, day)
    after = view.real[24 * 60 + offset][0] + timedelta(seconds=seconds)
    horizon = view.real[-1][0] - 26 * 60 * MINUTE
    if is_cadence(fields):
        expected = [instant for instant, wall in view.real if matches(fields, wall)]
    else:
        expected = sorted({instant for wall, instant in view.named.items() if matches(fields, wall)})
    expected = [instant for instant in expected if after < instant < horizon]
    clock = {"type": "CronClock", "cron": text_of(fields), "start_date": {"dt": "2000-01-01T00:00:00", "tz": zone}, "day_or": fields[5]}
    fires = parse({"clocks": [clock]}).fires(after, len(expected) + 1)
    assert [fire.time for fire in fires if fire.time < horizon] == expected


@quick
@given(fields=CRONS, after=st.datetimes(datetime(1999, 1, 1), datetime(2060, 1, 1)))  # noqa: DTZ001
def test_cron_in_utc_agrees_with_croniter(fields: Any, after: datetime) -> None:
    """Where no clock changes, croniter is a second opinion on the calendar."""
    outlook = parse({"clocks": [{"type": "CronClock", "cron": text_of(fields), "day_or": fields[5]}]}).look(after.replace(tzinfo=UTC), 5)
    if outlook.over:
        days, months = fields[2], fields[3]
        assert days is not None
        assert months is not None
        assert not outlook.fires
        return
    second = croniter(text_of(fields), after.replace(microsecond=0), day_or=fields[5], ret_type=datetime)
    assert [fire.time.replace(tzinfo=None) for fire in outlook.fires] == list(islice(second, 5))


@quick
@given(
    place=places(),
    begin=st.integers(0, 3 * 24 * 60),
    size=st.sampled_from([60, 90, 24 * 60, 24 * 60 + 1, 25 * 60, 36 * 60, 48 * 60, 7 * 60]),
    skip=st.integers(0, 3 * 24 * 60),
)
def test_interval_against_the_oracle(place: tuple[str, date], begin: int, size: int, skip: int) -> None:
    """The k-th fire is k whole days later by the wall clock plus k remainders of elapsed time, counted from the first."""
    zone, day = place
    view = window(zone, day)
    start_wall = view.real[begin][1]
    days, rest = divmod(size, 24 * 60)
    expected = []
    for k in range(5 * 24):
        instant = view.named.get(start_wall + k * days * DAY)
        if instant is None or (instant := instant + k * rest * MINUTE) > view.real[-1][0]:
            break
        expected.append(instant)
    clock = {"type": "IntervalClock", "interval": size * 60_000_000, "start_date": {"dt": start_wall.isoformat(), "tz": zone}}
    schedule = parse({"clocks": [clock]})
    assert [fire.time for fire in schedule.fires(view.real[0][0] - MINUTE, len(expected))] == sorted(set(expected))[: len(expected)] or (
        len(set(expected)) < len(expected)  # a day left out makes two fires one, and the list one longer than the oracle's window
    )
    after = view.real[skip][0]
    left = sorted({instant for instant in expected if instant > after})
    assert [fire.time for fire in schedule.fires(after, len(left))] == left


@st.composite
def clocks(draw: st.DrawFn) -> dict[str, Any]:
    zone = draw(st.sampled_from(ZONES))
    rest: dict[str, Any] = {
        "parameter_defaults": draw(st.sampled_from([{}, {}, {"x": 1}])),
        "labels": draw(st.sampled_from([None, [], ["a"]])),
        "end_date": draw(st.sampled_from([None, None, {"dt": "2026-11-03T00:00:00", "tz": zone}])),
    }
    kind = draw(st.sampled_from(["CronClock", "IntervalClock", "DatesClock"]))
    if kind == "CronClock":
        start = {"dt": "2020-01-01T00:00:00", "tz": zone}
        return {"type": kind, "cron": text_of(draw(CRONS)), "start_date": start, **rest}
    if kind == "IntervalClock":
        minutes = draw(st.integers(1, 4000))
        return {"type": kind, "interval": minutes * 60_000_000, "start_date": {"dt": "2026-10-01T01:30:00", "tz": zone}, **rest}
    walls = draw(st.lists(st.datetimes(datetime(2026, 9, 1), datetime(2026, 12, 1)), min_size=1, max_size=12))  # noqa: DTZ001
    return {"type": kind, "dates": [{"dt": wall.isoformat(), "tz": zone} for wall in walls], **rest}


FILTERS = st.lists(
    st.sampled_from(
        [
            {"fn": "prefect.schedules.filters.is_weekday", "kwargs": {}},
            {"fn": "prefect.schedules.filters.is_month_start", "kwargs": {}},
            {"fn": "prefect.schedules.filters.between_times", "kwargs": {"start": "//time:22:00:00", "end": "//time:04:00:00"}},
        ]
    ),
    max_size=2,
)
ADJUSTMENTS = st.lists(
    st.sampled_from(
        [
            {"fn": "prefect.schedules.adjustments.next_weekday", "kwargs": {}},
            {"fn": "prefect.schedules.adjustments.add", "kwargs": {"interval": "//timedelta:97200.0"}},
            {"fn": "prefect.schedules.adjustments.add", "kwargs": {"interval": "//timedelta:-3600.0"}},
        ]
    ),
    max_size=2,
)


@st.composite
def schedules(draw: st.DrawFn) -> dict[str, Any]:
    names = {name: draw(FILTERS) for name in ("filters", "or_filters", "not_filters")}
    return {"clocks": draw(st.lists(clocks(), min_size=1, max_size=3)), **names, "adjustments": draw(ADJUSTMENTS)}


AFTERS = st.datetimes(datetime(2026, 9, 15), datetime(2026, 11, 15)).map(lambda moment: moment.replace(tzinfo=UTC))  # noqa: DTZ001


@heavy
@given(value=schedules(), after=AFTERS, limit=st.integers(0, 12), data=st.data())
def test_laws_of_every_schedule(value: dict[str, Any], after: datetime, limit: int, data: st.DataObject) -> None:
    """Fires ascend after the instant asked from, none twice, no more than asked; asking again, or for more, gives the same ones."""
    schedule = parse(value)
    outlook = schedule.look(after, limit)
    fires = list(outlook.fires)
    assert len(fires) <= limit
    assert all(fire.time > after for fire in fires)
    assert [fire.time for fire in fires] == sorted(fire.time for fire in fires)
    assert len({(fire.time, repr(fire.parameter_defaults), fire.labels) for fire in fires}) == len(fires)
    assert len(fires) == limit or outlook.over or outlook.seen_until is not None
    few = data.draw(st.integers(0, limit))
    assert schedule.fires(after, few) == fires[:few]
    reordered = parse({**value, "clocks": value["clocks"][::-1]})
    assert reordered.fires(after, limit) == fires
    if fires and not (len(fires) < limit and not outlook.over):  # from later on a stopped look sees further
        rest = [fire for fire in fires if fire.time > fires[0].time]
        assert schedule.fires(fires[0].time, len(rest)) == rest


@heavy
@given(value=schedules(), after=AFTERS)
def test_adjusted_fires_are_the_moved_candidates(value: dict[str, Any], after: datetime) -> None:
    """With adjustments, the fires of some days are those candidates that land in them, wherever they came from."""
    window_end = after + 3 * DAY
    for clock in value["clocks"]:
        clock.pop("labels")
        clock["parameter_defaults"] = {"clock": value["clocks"].index(clock)}
    single = [parse({**value, "clocks": [clock], "adjustments": []}) for clock in value["clocks"]]
    zones = [ZoneInfo((clock.get("start_date") or clock["dates"][0])["tz"]) for clock in value["clocks"]]
    expected = set()
    for index, (schedule, zone) in enumerate(zip(single, zones, strict=True)):
        outlook = schedule.look(after - 9 * DAY, 3000)
        if not outlook.over and (outlook.seen_until is None or outlook.seen_until < window_end + DAY):
            return  # too dense for this oracle
        for fire in outlook.fires:
            moved = fire.time
            for adjustment in value["adjustments"]:
                moved = move(moved, zone, adjustment)
            if after < moved < window_end:
                expected.add((moved, index))
    if len(expected) > 200:
        return
    fires = parse(value).look(after, len(expected) + 1)
    assert {(fire.time, fire.parameter_defaults["clock"]) for fire in fires.fires if fire.time < window_end} == expected


def move(moment: datetime, zone: ZoneInfo, adjustment: dict[str, Any]) -> datetime:
    """The oracle's adjustments: the wall clock by one day at a time, then elapsed time."""
    seconds = 0.0
    local = moment.astimezone(zone)
    if adjustment["fn"].endswith("next_weekday"):
        while local.weekday() > 4:
            local = (local.replace(tzinfo=None) + DAY).replace(tzinfo=zone)
        return local.astimezone(UTC)
    seconds = float(adjustment["kwargs"]["interval"].removeprefix("//timedelta:"))
    if seconds < 0:
        return moment + timedelta(seconds=seconds)
    return (local.replace(tzinfo=None) + DAY).replace(tzinfo=zone).astimezone(UTC) + timedelta(seconds=seconds - 86400)
