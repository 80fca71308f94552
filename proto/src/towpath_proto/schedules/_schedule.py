"""A parsed schedule: clocks merged, filtered, adjusted, in time order."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from towpath_proto.schedules._clocks import Clock
from towpath_proto.schedules._filters import Adjustment, Filter

EXAMINED = 10_000
"""Candidates looked at in one call, at most (as in Prefect 1)."""
_END = datetime(9000, 1, 1, tzinfo=UTC)  # schedules end here, so that no filter or adjustment runs past the last year of datetime
_LARGEST_CHANGE = timedelta(hours=25)


@dataclass(frozen=True)
class Fire:
    """One run that a schedule asks for.

    Attributes:
        time: When (aware, UTC).
        clock: Key of the clock that fires; with the time it identifies the fire.
        parameter_defaults: The clock's parameters.
        labels: The clock's labels; None when the flow decides.
    """

    time: datetime
    clock: str
    parameter_defaults: Mapping[str, Any]
    labels: tuple[str, ...] | None


@dataclass(frozen=True)
class Outlook:
    """The next fires, and how much is known of what follows.

    Attributes:
        fires: In time order, at most as many as asked for.
        over: Whether nothing follows `fires`, ever.
        seen_until: Nothing but `fires` lies before this instant. Later than the last fire, or the only time given, when the filters
            refused so many candidates that the look had to stop: look again some time before it. None when over.
    """

    fires: tuple[Fire, ...]
    over: bool
    seen_until: datetime | None

    @property
    def never_fires(self) -> bool:
        """Whether the schedule has no fire left at all."""
        return self.over and not self.fires

    def __str__(self) -> str:
        if self.fires:
            return f"next fire at {self.fires[0].time.isoformat()}"
        if self.over:
            return "never fires again"
        return f"no fire before {self.seen_until.isoformat() if self.seen_until else 'now'}, the filters refused every candidate so far"


@dataclass(frozen=True)
class Schedule:
    """When to run a flow. Made by `parse`; a value, it remembers nothing.

    Attributes:
        clocks: At least one.
        filters: All must accept a candidate.
        or_filters: One must accept it, if there are any.
        not_filters: None may accept it.
        adjustments: Move an accepted candidate, one after the other.
    """

    clocks: tuple[Clock, ...]
    filters: tuple[Filter, ...] = ()
    or_filters: tuple[Filter, ...] = ()
    not_filters: tuple[Filter, ...] = ()
    adjustments: tuple[Adjustment, ...] = ()

    def fires(self, after: datetime, limit: int) -> list[Fire]:
        """The next fires strictly after an instant.

        A limit may fall between two fires of one instant; who pages by time must ask again from before that instant.

        Args:
            after: An aware datetime.
            limit: How many at most.
        """
        return list(self.look(after, limit).fires)

    def look(self, after: datetime, limit: int) -> Outlook:
        """`fires`, with what is known of the time behind them.

        Args:
            after: An aware datetime.
            limit: How many at most; below one nothing is looked at.
        """
        if after.tzinfo is None:
            raise ValueError("a schedule is asked for fires after an aware datetime")
        after = after.astimezone(UTC)
        if limit < 1:
            return Outlook((), over=False, seen_until=after)
        fires: list[Fire] = []
        seen = after
        for known, fire in self._stream(after):
            if fire is not None and not _repeats(fires, fire):
                fires.append(fire)
            if len(fires) == limit:
                return Outlook(tuple(fires), over=False, seen_until=fires[-1].time)
            if known is None:
                return Outlook(tuple(fires), over=False, seen_until=seen)
            seen = max(seen, known)
        return Outlook(tuple(fires), over=True, seen_until=None)

    def _stream(self, after: datetime) -> Iterator[tuple[datetime | None, Fire | None]]:
        """(known until, fire) pairs in the fires' order; known until is None once, at the end, when candidates were left unexamined.

        An adjusted candidate may overtake another, and one from before `after` may land behind it. So the walk begins early enough for
        the longest move, and a fire waits in `held` until no later candidate can land before it.
        """
        slack = _LARGEST_CHANGE if self.adjustments else timedelta(0)
        least = sum((each.least for each in self.adjustments), -slack)
        most = sum((each.most for each in self.adjustments), slack)
        held: list[tuple[datetime, str]] = []
        clocks = {clock.key: clock for clock in self.clocks}
        for examined, (instant, key, zone) in enumerate(self._candidates(after - most)):
            while held and held[0][0] < instant + least:
                yield held[0][0], _fire(clocks, *heapq.heappop(held))
            if examined >= EXAMINED:
                yield max(after, instant + least), None
                yield None, None
                return
            if self._accepts(instant, zone):
                for adjustment in self.adjustments:
                    instant = adjustment.apply(instant, zone)
                if instant > after:
                    heapq.heappush(held, (instant, key))
        while held:
            yield held[0][0], _fire(clocks, *heapq.heappop(held))

    def _candidates(self, after: datetime) -> Iterator[tuple[datetime, str, tzinfo]]:
        streams = [_keyed(clock, after) for clock in self.clocks]
        return heapq.merge(*streams, key=lambda candidate: candidate[:2])

    def _accepts(self, instant: datetime, zone: tzinfo) -> bool:
        if not (self.filters or self.or_filters or self.not_filters):
            return True
        local = instant.astimezone(zone)
        return (
            all(accepts(local) for accepts in self.filters)
            and (not self.or_filters or any(accepts(local) for accepts in self.or_filters))
            and not any(accepts(local) for accepts in self.not_filters)
        )


def _keyed(clock: Clock, after: datetime) -> Iterator[tuple[datetime, str, tzinfo]]:
    for instant, zone in clock.ticks.after(after):
        if instant >= _END:
            return
        yield instant, clock.key, zone


def _fire(clocks: Mapping[str, Clock], time: datetime, key: str) -> Fire:
    clock = clocks[key]
    return Fire(time, key, clock.parameter_defaults, clock.labels)


def _repeats(fires: list[Fire], fire: Fire) -> bool:
    for other in reversed(fires):
        if other.time != fire.time:
            return False
        if (other.parameter_defaults, other.labels) == (fire.parameter_defaults, fire.labels):
            return True
    return False
