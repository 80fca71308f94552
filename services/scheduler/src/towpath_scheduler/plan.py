"""Which runs a schedule lacks, and when to look at it again: pure decisions on what the graphql service reports.

The clock is the database's, as reported with each source, so a scheduler on a machine with a wrong clock decides the same. A fire that is
not after that clock is never proposed: what was missed while nobody scheduled stays missed, as in Prefect 1.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from towpath_proto.errors import TowpathError
from towpath_proto.schedules import Fire, Outlook, Schedule, parse


@dataclass(frozen=True)
class Source:
    """An active schedule, and what is scheduled of it already.

    Attributes:
        flow_id: The flow version that its runs will run.
        flow_name: For people.
        tenant_id: Whose it is.
        schedule: Its JSON, decoded.
        upcoming: (clock key, time) of the runs that wait for their time.
        now: The database's clock when it was read.
    """

    flow_id: str
    flow_name: str
    tenant_id: str
    schedule: Any
    upcoming: frozenset[tuple[str, datetime]]
    now: datetime

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Source:
        """Read a row of `schedule_sources`."""
        schedule = row["schedule"]
        upcoming = row["upcoming"] or []
        return cls(
            flow_id=row["flow_id"],
            flow_name=row["flow_name"],
            tenant_id=row["tenant_id"],
            schedule=json.loads(schedule) if isinstance(schedule, str) else schedule,
            upcoming=frozenset((run["clock"], _instant(run["time"])) for run in upcoming if run.get("clock")),
            now=_instant(row["now"]),
        )


@dataclass(frozen=True)
class Plan:
    """What to do about one schedule.

    Attributes:
        missing: Fires that have no run yet.
        look_again: When a further fire comes within reach (database clock); None when the schedule is over.
    """

    missing: tuple[Fire, ...]
    look_again: datetime | None


def plan(source: Source, outlook: Outlook) -> Plan:
    """Compare the next fires with the runs that exist.

    Args:
        source: The schedule and its runs.
        outlook: Its next fires after `source.now`, as many as are kept ahead.
    """
    missing = tuple(fire for fire in outlook.fires if (fire.clock, fire.time) not in source.upcoming)
    if outlook.fires:
        return Plan(missing, look_again=outlook.fires[0].time)
    if outlook.seen_until is None:
        return Plan((), look_again=None)
    # The filters refused thousands of candidates. The same number of them from half way on reaches half as far beyond.
    return Plan((), look_again=source.now + (outlook.seen_until - source.now) / 2)


@dataclass(frozen=True)
class Refusal:
    """A schedule that means nothing.

    Attributes:
        reason: Why, with the field.
        news: Whether this schedule is seen for the first time, so that a log tells it once and not at each sweep.
    """

    reason: TowpathError
    news: bool


@dataclass
class _Known:
    text: str
    schedule: Schedule | TowpathError
    outlook: Outlook | None = None


class Outlooks:
    """The next fires of schedules, computed only when they change.

    A memory for speed alone: without it every sweep would parse and walk every schedule again, to the same result.

    Args:
        ahead: How many fires to know of each.
    """

    def __init__(self, *, ahead: int) -> None:
        self._ahead = ahead
        self._known: dict[str, _Known] = {}

    def look(self, source: Source) -> Outlook | Refusal:
        """The next fires after `source.now`."""
        text = json.dumps(source.schedule, sort_keys=True)
        known = self._known.get(source.flow_id)
        news = known is None or known.text != text
        if known is None or news:
            known = self._known[source.flow_id] = _Known(text, _parsed(source.schedule))
        if isinstance(known.schedule, TowpathError):
            return Refusal(known.schedule, news)
        if known.outlook is None or not _still_holds(known.outlook, source.now, self._ahead):
            known.outlook = known.schedule.look(source.now, self._ahead)
        return known.outlook

    def keep_only(self, flow_ids: set[str]) -> None:
        """Forget the schedules that are no longer active."""
        for flow_id in self._known.keys() - flow_ids:
            del self._known[flow_id]


def _parsed(schedule: Any) -> Schedule | TowpathError:
    try:
        return parse(schedule)
    except TowpathError as reason:
        return reason


def _still_holds(outlook: Outlook, now: datetime, ahead: int) -> bool:
    if outlook.fires and outlook.fires[0].time <= now:
        return False  # a fire has passed, so one more comes within reach
    return outlook.over or len(outlook.fires) == ahead  # else the look was cut short: from now on it reaches further


def _instant(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
