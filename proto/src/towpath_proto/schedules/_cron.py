"""Cron expressions: their syntax by croniter, their calendar and their clock-change rule here.

croniter reads the fields (names, ranges, steps, `L`, `1#2`), which is what Prefect 1 read them with. It does not choose the instants:
its own time zone handling differs between its major versions, and stepping it costs a hundred times a look into a table.
"""

from __future__ import annotations

import heapq
import re
from bisect import bisect_left
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any

from towpath_proto.schedules._moments import bad, resolve

# Crons with the same days repeat after 400 years at the latest, but the longest wait of one that fires at all is that for 29 February on a
# given weekday: 40 years, around a century year without a leap day.
_LONGEST_WAIT_YEARS = 41
_DAY_AND_A_BIT = timedelta(hours=26)
_RANDOM = re.compile(r"(?:^|[\s,])[hr](?:$|[\s,/(])", re.IGNORECASE)
_NEAREST = re.compile(r"\d+w|(?:^|[\s,])w\d+", re.IGNORECASE)


@dataclass(frozen=True)
class Expression:
    """The wall times that a cron expression names, as tables.

    Attributes:
        seconds: Sorted seconds of the day at which it fires on a day that matches.
        months: The months that match.
        days: The days of the month that match; empty with `any_day`.
        last_day: Whether the last day of the month matches too (`L`).
        any_day: Whether the day-of-month field is `*`.
        weekdays: The weekdays that match, 0 = Sunday; empty with `any_weekday`.
        nth: Weekday and its number in the month (`5#2`), 0 = the last one (`L5`).
        any_weekday: Whether the day-of-week field is `*`.
        day_or: With both day fields given: a day matches either (cron's habit), or must match both.
        cadence: Rule 2 of the package applies.
    """

    seconds: tuple[int, ...]
    months: frozenset[int]
    days: frozenset[int]
    last_day: bool
    any_day: bool
    weekdays: frozenset[int]
    nth: frozenset[tuple[int, int]]
    any_weekday: bool
    day_or: bool
    cadence: bool

    def days_of(self, year: int, month: int) -> list[int]:
        """The days of a month that match."""
        if month not in self.months:
            return []
        first, length = monthrange(year, month)
        return [day for day in range(1, length + 1) if self._matches(day, length, (first + day) % 7)]

    def _matches(self, day: int, length: int, weekday: int) -> bool:
        by_day = self.any_day or day in self.days or (self.last_day and day == length)
        by_weekday = (
            self.any_weekday
            or weekday in self.weekdays
            or (weekday, (day + 6) // 7) in self.nth
            or (day + 7 > length and (weekday, 0) in self.nth)
        )
        if self.day_or and not self.any_day and not self.any_weekday:
            return by_day or by_weekday
        return by_day and by_weekday

    def walls(self, start: datetime) -> Iterator[datetime]:
        """The naive wall times from `start` on, ascending; ends when none comes for longer than any cron can wait."""
        year, month = start.year, start.month
        last_year = year
        while year <= min(last_year + _LONGEST_WAIT_YEARS, 9999):
            for day in self.days_of(year, month):
                midnight = datetime(year, month, day)  # noqa: DTZ001 - a wall time
                if midnight.date() < start.date():
                    continue
                last_year = year
                begin = bisect_left(self.seconds, (start - midnight).total_seconds()) if midnight <= start else 0
                for second in self.seconds[begin:]:
                    yield midnight + timedelta(seconds=second)
            year, month = (year, month + 1) if month < 12 else (year + 1, 1)


@lru_cache(maxsize=1024)
def expression(field: str, text: str, day_or: bool) -> Expression:
    """Read a cron expression of five fields, or of six with one value for the seconds.

    Raises:
        TowpathError: `BAD_SCHEDULE` naming `field` and what is wrong.
    """
    if _RANDOM.search(text):
        raise bad(field, f"{text!r} has a random or hashed field (R, H); write the value out, fire times must be the same at each look")
    if _NEAREST.search(text):
        raise bad(field, f"{text!r} has a nearest weekday (W), which is not supported; use a clock with the adjustment next_weekday")
    from croniter import croniter  # here: importing it costs more than the rest of the package

    try:
        parsed = croniter(text, 0.0)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as reason:
        raise bad(field, f"{text!r} is not a cron expression ({reason}); write five fields: minute hour day month weekday") from None
    fields: list[list[Any]] = parsed.expanded
    if len(fields) > 6:
        raise bad(field, f"{text!r} has a field for the year; use start_date and end_date instead")
    minutes, hours = _numbers(fields[0], 60), _numbers(fields[1], 24)
    seconds = _numbers(fields[5], 60) if len(fields) == 6 else [0]
    if len(seconds) != 1:
        raise bad(field, f"{text!r} fires more than once a minute; give one value for the seconds")
    numbered: dict[Any, set[Any]] = parsed.nth_weekday_of_month
    nth = {(int(day), 0 if n == "l" else int(n)) for day, ns in numbered.items() for n in ns}
    return Expression(
        seconds=tuple(3600 * hour + 60 * minute + seconds[0] for hour in hours for minute in minutes),
        months=frozenset(_numbers(fields[3], 13)) - {0},
        days=frozenset(day for day in fields[2] if isinstance(day, int)),
        last_day=any(day == "l" for day in fields[2]),
        any_day=fields[2] == ["*"],
        weekdays=frozenset(day for day in fields[4] if isinstance(day, int) and day not in {day for day, _ in nth}),
        nth=frozenset(nth),
        any_weekday=fields[4] == ["*"],
        day_or=day_or,
        cadence=len(hours) == 24 and len(minutes) > 1,
    )


def _numbers(field: list[Any], size: int) -> list[int]:
    return list(range(size)) if field == ["*"] else sorted(int(value) for value in field)


def instants(cron: Expression, zone: tzinfo, after: datetime) -> Iterator[datetime]:
    """The instants (UTC) after `after` at which `cron` fires in `zone`, ascending, each once."""
    try:
        last = after
        for instant in _ordered(cron, zone, after):
            if instant > last:
                last = instant
                yield instant
    except OverflowError:  # the year 9999: nothing follows
        return


def _ordered(cron: Expression, zone: tzinfo, after: datetime) -> Iterator[datetime]:
    """Instants in order, from somewhat before `after`, possibly repeated.

    Walls ascend; their instants do not around a change: those moved out of a gap overlap those behind it, and second passes come after
    all first passes. Both kinds wait in `held` until a wall that exists has reached them; every later wall then lies later still.
    """
    held: list[datetime] = []
    for wall in cron.walls(_first_wall(zone, after)):
        instant = resolve(wall, zone)
        if zone is UTC:
            yield instant
            continue
        if instant.astimezone(zone).replace(tzinfo=None) != wall:  # in a gap
            if not cron.cadence:
                heapq.heappush(held, instant)
            continue
        while held and held[0] <= instant:
            yield heapq.heappop(held)
        yield instant
        if cron.cadence and (second := wall.replace(tzinfo=zone, fold=1).astimezone(UTC)) != instant:
            heapq.heappush(held, second)
    while held:
        yield heapq.heappop(held)


def _first_wall(zone: tzinfo, after: datetime) -> datetime:
    """A wall time at or before each whose instant lies after `after`, also when a change is at most a day away on either side."""
    around = (after - _DAY_AND_A_BIT, after, after + _DAY_AND_A_BIT)
    return min(after + (moment.astimezone(zone).utcoffset() or timedelta(0)) for moment in around).replace(tzinfo=None)
