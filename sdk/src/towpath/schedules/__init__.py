"""Schedules as an author writes them: values that know their JSON. What a schedule means is told by `towpath_proto.schedules` alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from towpath.errors import FlowError
from towpath.schedules._rules import Rule
from towpath_proto import __version__
from towpath_proto.errors import Code

if TYPE_CHECKING:
    from towpath_proto.schedules import Schedule as Meaning


@dataclass(frozen=True, kw_only=True)
class Clock:
    """Base of the clocks: says when runs begin, with which parameters and labels.

    Attributes:
        parameter_defaults: Parameters of the runs that this clock begins.
        labels: Labels of those runs; default the flow's.
    """

    parameter_defaults: Mapping[str, Any] = field(default_factory=dict)
    labels: Iterable[str] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Prefect 1's JSON."""
        return {
            **self._fields(),
            "parameter_defaults": dict(self.parameter_defaults),
            "labels": None if self.labels is None else sorted(self.labels),
            "__version__": __version__,
            "type": type(self).__name__,
        }

    def _fields(self) -> dict[str, Any]:
        return {}


@dataclass(frozen=True)
class IntervalClock(Clock):
    """Every `interval`, counted from `start_date`; whole days keep their hour when clocks change.

    Attributes:
        interval: At least a minute.
        start_date: Aware; its zone is the clock's. Default 2019-01-01 in UTC.
        end_date: The last moment at which a run may begin.
    """

    interval: timedelta
    start_date: datetime | None = None
    end_date: datetime | None = None

    def _fields(self) -> dict[str, Any]:
        if not isinstance(self.interval, timedelta) or self.interval < timedelta(minutes=1):
            raise FlowError(Code.BAD_SCHEDULE, f"an interval must be a timedelta of at least one minute, got {self.interval!r}")
        return {
            "start_date": _moment(self.start_date),
            "end_date": _moment(self.end_date),
            "interval": self.interval // timedelta(microseconds=1),
        }


@dataclass(frozen=True)
class CronClock(Clock):
    """By a cron expression, on the wall clock of `start_date`'s zone (default UTC).

    Attributes:
        cron: Five fields: minute, hour, day, month, weekday.
        start_date: Aware; the first moment at which a run may begin.
        end_date: The last one.
        day_or: Whether a day may match either day field, or must match both.
    """

    cron: str
    start_date: datetime | None = None
    end_date: datetime | None = None
    day_or: bool = True

    def _fields(self) -> dict[str, Any]:
        return {"start_date": _moment(self.start_date), "end_date": _moment(self.end_date), "cron": self.cron, "day_or": self.day_or}


@dataclass(frozen=True)
class DatesClock(Clock):
    """At the given moments.

    Attributes:
        dates: Aware datetimes.
    """

    dates: Iterable[datetime]

    def _fields(self) -> dict[str, Any]:
        return {"dates": [_moment(date) for date in self.dates]}


@dataclass(frozen=True)
class Event:
    """One run that a schedule asks for.

    Attributes:
        start_time: When, in UTC.
        parameter_defaults: The clock's parameters.
        labels: The clock's labels.
    """

    start_time: datetime
    parameter_defaults: Mapping[str, Any]
    labels: tuple[str, ...] | None


class Schedule:
    """When a flow runs by itself: clocks, merged in the order of time.

    Args:
        clocks: At least one.
        filters: All must accept a time; see `towpath.schedules.filters`.
        or_filters: One must accept it, if there are any.
        not_filters: None may accept it.
        adjustments: Move an accepted time, one after the other; see `towpath.schedules.adjustments`.

    Raises:
        TowpathError: BAD_SCHEDULE, naming the field; on first use of its JSON or its times.
    """

    def __init__(
        self,
        clocks: Iterable[Clock],
        filters: Iterable[Rule] | None = None,
        or_filters: Iterable[Rule] | None = None,
        not_filters: Iterable[Rule] | None = None,
        adjustments: Iterable[Rule] | None = None,
    ) -> None:
        self.clocks = list(clocks)
        self.filters = list(filters or ())
        self.or_filters = list(or_filters or ())
        self.not_filters = list(not_filters or ())
        self.adjustments = list(adjustments or ())
        rules: list[Any] = [*self.filters, *self.or_filters, *self.not_filters, *self.adjustments]
        for rule in rules:
            if not isinstance(rule, Rule):
                known = "towpath.schedules.filters or .adjustments"
                raise FlowError(Code.BAD_SCHEDULE, f"{rule!r} is none of {known}; functions of your own cannot run in the scheduler")

    def to_dict(self) -> dict[str, Any]:
        """Prefect 1's JSON."""
        return {
            "clocks": [clock.to_dict() for clock in self.clocks],
            "filters": [rule.to_dict() for rule in self.filters],
            "or_filters": [rule.to_dict() for rule in self.or_filters],
            "not_filters": [rule.to_dict() for rule in self.not_filters],
            "adjustments": [rule.to_dict() for rule in self.adjustments],
            "__version__": __version__,
            "type": "Schedule",
        }

    @cached_property
    def _meaning(self) -> Meaning:
        from towpath_proto.schedules import parse

        return parse(self.to_dict())

    def events(self, after: datetime, limit: int) -> list[Event]:
        """The next `limit` runs after `after`."""
        return [Event(fire.time, fire.parameter_defaults, fire.labels) for fire in self._meaning.fires(after, limit)]

    def must_fire(self, now: datetime) -> None:
        """Refuse a schedule of which nothing can come; say so in the log where nothing was found in a bounded search.

        Raises:
            FlowError: BAD_SCHEDULE, if no time of it ever comes: a day that no calendar has, an end before the start.
        """
        ever = self._meaning.look(datetime(1970, 1, 1, tzinfo=UTC), 1)
        if ever.never_fires:
            raise FlowError(Code.BAD_SCHEDULE, "this schedule never fires: no such time comes between its start and its end")
        ahead = ever if not ever.fires else self._meaning.look(now, 1)
        if not ahead.fires:
            from towpath.logs import get_logger

            get_logger("schedules").warning("The schedule makes no runs as it stands: %s", ahead)

    def next_event(self, after: datetime) -> Event | None:
        """The next run after `after`; None when there is none."""
        return next(iter(self.events(after, 1)), None)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_meaning"}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Schedule) and self.to_dict() == other.to_dict()

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return f"Schedule({self.clocks!r})"


def IntervalSchedule(  # noqa: N802 - a function that stands for a class of Prefect 1
    start_date: datetime | None = None, interval: timedelta | None = None, end_date: datetime | None = None
) -> Schedule:
    """A schedule of one `IntervalClock`."""
    if interval is None:
        raise FlowError(Code.BAD_SCHEDULE, "an IntervalSchedule needs an interval")
    return Schedule([IntervalClock(interval, start_date, end_date)])


def CronSchedule(  # noqa: N802 - a function that stands for a class of Prefect 1
    cron: str, start_date: datetime | None = None, end_date: datetime | None = None, day_or: bool = True
) -> Schedule:
    """A schedule of one `CronClock`."""
    return Schedule([CronClock(cron, start_date, end_date, day_or)])


def _moment(value: datetime | None) -> dict[str, str] | None:
    """A moment as `{dt, tz}`: the wall time, and the zone it is in."""
    if value is None:
        return None
    if value.tzinfo is None:
        raise FlowError(
            Code.BAD_SCHEDULE, f"{value!r} has no time zone; write datetime(..., tzinfo=UTC) or tzinfo=ZoneInfo('Europe/Berlin')"
        )
    zone = getattr(value.tzinfo, "key", None) or _offset_name(value)
    return {"dt": value.replace(tzinfo=None).isoformat(), "tz": zone}


def _offset_name(value: datetime) -> str:
    minutes = int((value.utcoffset() or timedelta()).total_seconds()) // 60
    return "UTC" if minutes == 0 else f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"
