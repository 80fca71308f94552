"""Filters and adjustments: the known functions that a schedule's JSON may name, and nothing else.

A reference is `{"fn": dotted name, "kwargs": {...}}`; times, datetimes and timedeltas in `kwargs` are strings marked `//time:`,
`//datetime:` and `//timedelta:` (seconds), as Prefect 1 writes them. Functions of users are refused: the scheduler does not run their code.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Any, TypeVar

from towpath_proto.schedules._moments import bad, parse_datetime, shift

Filter = Callable[[datetime], bool]
"""Says of a candidate, given in its clock's zone, whether it may fire."""

_HOMES = ("prefect.schedules.", "towpath.schedules.")
_NOTHING = timedelta(0)
Built = TypeVar("Built")


@dataclass(frozen=True)
class Adjustment:
    """Moves a candidate.

    Attributes:
        apply: (instant, zone) -> instant.
        least: The smallest distance by which it moves one, by the wall clock.
        most: The largest.
    """

    apply: Callable[[datetime, tzinfo], datetime]
    least: timedelta
    most: timedelta


class Arguments:
    """The kwargs of one reference, read with a type and an error that names the field."""

    def __init__(self, field: str, values: Mapping[str, Any]) -> None:
        self._field = field
        self._values = dict(values)

    def _take(self, name: str) -> Any:
        if name not in self._values:
            raise bad(self._field, f"lacks the argument {name!r}")
        return self._values.pop(name)

    def number(self, name: str, low: int, high: int) -> int:
        """A whole number from `low` to `high`."""
        value = self._take(name)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise bad(f"{self._field}.{name}", f"must be a whole number from {low} to {high}, not {value!r}")
        return value

    def instant(self, name: str) -> datetime:
        """A date and time; UTC if it names no offset."""
        value = self._take(name)
        if not isinstance(value, str):
            raise bad(f"{self._field}.{name}", f"must be an ISO 8601 date and time, not {value!r}")
        moment = parse_datetime(f"{self._field}.{name}", value.removeprefix("//datetime:"))
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment

    def time(self, name: str) -> time:
        """A time of day."""
        value = self._take(name)
        try:
            return time.fromisoformat(value.removeprefix("//time:")).replace(tzinfo=None)
        except (AttributeError, ValueError):
            raise bad(f"{self._field}.{name}", f"must be a time of day such as '09:30:00', not {value!r}") from None

    def duration(self, name: str) -> timedelta:
        """A length of time in seconds, at most ten years either way."""
        value = self._take(name)
        try:
            seconds = float(value.removeprefix("//timedelta:") if isinstance(value, str) else value)
            length = timedelta(seconds=seconds)
        except (TypeError, ValueError, OverflowError):
            raise bad(f"{self._field}.{name}", f"must be a number of seconds, not {value!r}") from None
        if abs(length) > timedelta(days=3660):
            raise bad(f"{self._field}.{name}", "must not be longer than ten years")
        return length

    def done(self) -> None:
        """Refuse arguments that nobody asked for."""
        if self._values:
            raise bad(self._field, f"has unknown arguments: {', '.join(sorted(map(str, self._values)))}")


def _on_datetime(given: Arguments) -> Filter:
    moment = given.instant("dt")
    # Compared in UTC: Python calls a zoned time of a repeated hour unequal to everything in another zone.
    return lambda local: local.astimezone(UTC) == moment


def _between_datetimes(given: Arguments) -> Filter:
    start, end = given.instant("start"), given.instant("end")
    return lambda local: start <= local <= end


def _on_date(given: Arguments) -> Filter:
    date = (given.number("month", 1, 12), given.number("day", 1, 31))
    return lambda local: (local.month, local.day) == date


def _between_dates(given: Arguments) -> Filter:
    start = (given.number("start_month", 1, 12), given.number("start_day", 1, 31))
    end = (given.number("end_month", 1, 12), given.number("end_day", 1, 31))
    if start <= end:
        return lambda local: start <= (local.month, local.day) <= end
    return lambda local: (local.month, local.day) >= start or (local.month, local.day) <= end


def _at_time(given: Arguments) -> Filter:
    moment = given.time("t")
    return lambda local: local.time() == moment


def _between_times(given: Arguments) -> Filter:
    start, end = given.time("start"), given.time("end")
    if start <= end:
        return lambda local: start <= local.time() <= end
    return lambda local: local.time() >= start or local.time() <= end


def _is_day_of_week(given: Arguments) -> Filter:
    day = given.number("day_of_week", 0, 6)  # 0 is Sunday
    return lambda local: local.isoweekday() % 7 == day


def _is_weekday(given: Arguments) -> Filter:
    return lambda local: local.weekday() < 5


def _is_weekend(given: Arguments) -> Filter:
    return lambda local: local.weekday() > 4


def _is_month_start(given: Arguments) -> Filter:
    return lambda local: local.day == 1


def _is_month_end(given: Arguments) -> Filter:
    return lambda local: local.day == monthrange(local.year, local.month)[1]


def _add(given: Arguments) -> Adjustment:
    length = given.duration("interval")
    return Adjustment(lambda instant, zone: shift(instant, zone, length), length, length)


def _next_weekday(given: Arguments) -> Adjustment:
    def apply(instant: datetime, zone: tzinfo) -> datetime:
        weekday = instant.astimezone(zone).weekday()
        return shift(instant, zone, timedelta(days=7 - weekday if weekday > 4 else 0))

    return Adjustment(apply, _NOTHING, timedelta(days=2))


_FILTERS: dict[str, Callable[[Arguments], Filter]] = {
    "on_datetime": _on_datetime,
    "on_date": _on_date,
    "at_time": _at_time,
    "between_datetimes": _between_datetimes,
    "between_dates": _between_dates,
    "between_times": _between_times,
    "is_weekday": _is_weekday,
    "is_weekend": _is_weekend,
    "is_month_start": _is_month_start,
    "is_month_end": _is_month_end,
    "is_day_of_week": _is_day_of_week,
}
_ADJUSTMENTS: dict[str, Callable[[Arguments], Adjustment]] = {"add": _add, "next_weekday": _next_weekday}


def parse_filter(field: str, value: Any) -> Filter:
    """The filter that a reference names.

    Raises:
        TowpathError: `BAD_SCHEDULE` for an unknown function or wrong arguments.
    """
    return _build(field, value, "filters", _FILTERS)


def parse_adjustment(field: str, value: Any) -> Adjustment:
    """The adjustment that a reference names.

    Raises:
        TowpathError: `BAD_SCHEDULE` for an unknown function or wrong arguments.
    """
    return _build(field, value, "adjustments", _ADJUSTMENTS)


def _build(field: str, value: Any, folder: str, known: Mapping[str, Callable[[Arguments], Built]]) -> Built:
    name = value.get("fn") if isinstance(value, dict) else None
    if not isinstance(name, str):
        raise bad(field, f"must be {{'fn': dotted name, 'kwargs': {{...}}}}, not {value!r}")
    maker = next((known[short] for home in _HOMES if (short := name.removeprefix(f"{home}{folder}.")) != name and short in known), None)
    if maker is None:
        raise bad(f"{field}.fn", f"{name!r} is not one of {', '.join(known)}; functions of your own cannot run in the scheduler")
    kwargs = value.get("kwargs") or {}
    if not isinstance(kwargs, dict):
        raise bad(f"{field}.kwargs", f"must be an object, not {kwargs!r}")
    given = Arguments(field, kwargs)
    built = maker(given)
    given.done()
    return built
