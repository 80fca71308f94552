"""Clocks: each turns "after this instant" into an ascending stream of instants. They know no filters and no other clock."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Protocol

from towpath_proto.schedules._cron import Expression, instants
from towpath_proto.schedules._moments import Moment, resolve

INTERVAL_ANCHOR = Moment(datetime(2019, 1, 1), UTC, "UTC")  # noqa: DTZ001 - a wall time
"""Where an interval without a `start_date` counts from (as in Prefect 1)."""
_INSTANT = timedelta(microseconds=1)


class Ticks(Protocol):
    """The part of a clock that knows time."""

    def after(self, moment: datetime) -> Iterator[tuple[datetime, tzinfo]]:
        """Instants (UTC) strictly after `moment`, strictly ascending, each with the zone in which filters see it."""
        ...


@dataclass(frozen=True)
class Clock:
    """One clock of a schedule.

    Attributes:
        key: Identifies the clock by its content.
        ticks: When it fires.
        parameter_defaults: Parameters of the runs that it fires.
        labels: Labels of those runs; None when the flow decides.
    """

    key: str
    ticks: Ticks
    parameter_defaults: Mapping[str, Any]
    labels: tuple[str, ...] | None


@dataclass(frozen=True)
class CronTicks:
    """Fires by a cron expression, on the wall clock of `zone`."""

    cron: Expression
    zone: tzinfo
    start: datetime | None
    end: datetime | None

    def after(self, moment: datetime) -> Iterator[tuple[datetime, tzinfo]]:
        """See `Ticks.after`."""
        if self.start is not None:
            moment = max(moment, self.start - _INSTANT)
        for instant in instants(self.cron, self.zone, moment):
            if self.end is not None and instant > self.end:
                return
            yield instant, self.zone


@dataclass(frozen=True)
class IntervalTicks:
    """Fires each `interval` from `start` on: whole days by the wall clock, the rest in elapsed time."""

    start: Moment
    interval: timedelta
    end: datetime | None

    def after(self, moment: datetime) -> Iterator[tuple[datetime, tzinfo]]:
        """See `Ticks.after`."""
        # Changes of the offset move a fire by at most a day, and only intervals of a day or more know wall clocks: two steps back suffice.
        k = max(0, (moment - self.start.instant) // self.interval - 2)
        days = timedelta(days=self.interval.days)
        rest = self.interval - days
        last = moment
        try:
            while self.end is None or last <= self.end:
                instant = resolve(self.start.wall + k * days, self.start.zone) + k * rest
                k += 1
                if instant <= last:
                    continue
                last = instant
                if self.end is None or instant <= self.end:
                    yield instant, self.start.zone
        except OverflowError:  # the year 9999: nothing follows
            return


@dataclass(frozen=True)
class DateTicks:
    """Fires at listed moments, sorted."""

    dates: tuple[tuple[datetime, tzinfo], ...]

    def after(self, moment: datetime) -> Iterator[tuple[datetime, tzinfo]]:
        """See `Ticks.after`."""
        last = moment
        for instant, zone in self.dates[bisect_right(self.dates, moment, key=lambda date: date[0]) :]:
            if instant > last:
                last = instant
                yield instant, zone
