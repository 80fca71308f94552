"""Wall times, zones and instants: the one place that turns one into another (rule 1 of the package's docstring)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from towpath_proto.errors import Code, TowpathError

_FIXED = re.compile(r"([+-])(\d{2}):?(\d{2})")


def bad(field: str, problem: str) -> TowpathError:
    """The error for a schedule that means nothing: `field` is the path in the JSON, `problem` continues the sentence."""
    return TowpathError(Code.BAD_SCHEDULE, f"schedule.{field} {problem}.", field=field)


@dataclass(frozen=True)
class Moment:
    """A wall time in a zone, as a schedule's JSON writes it.

    Attributes:
        wall: The naive wall time.
        zone: The zone it is in.
        name: The zone's name as written.
    """

    wall: datetime
    zone: tzinfo
    name: str

    @property
    def instant(self) -> datetime:
        """The instant (UTC) that the wall time names."""
        return resolve(self.wall, self.zone)

    def __str__(self) -> str:
        return f"{self.wall.isoformat()}[{self.name}]"


def resolve(wall: datetime, zone: tzinfo) -> datetime:
    """The instant (UTC) that a naive wall time names in `zone`."""
    return wall.replace(tzinfo=zone, fold=0).astimezone(UTC)


def shift(instant: datetime, zone: tzinfo, delta: timedelta) -> datetime:
    """`instant` moved by `delta`: whole days by the wall clock of `zone`, the rest in elapsed time."""
    sign = -1 if delta < timedelta(0) else 1
    size = abs(delta)
    days = timedelta(days=size.days) * sign
    wall = instant.astimezone(zone)
    # An adjustment of less than a day must not pass through the wall clock: in a repeated hour that would lose which pass it is.
    moved = resolve(wall.replace(tzinfo=None) + days, zone) if days else instant
    return moved + sign * (size - abs(days))


def parse_zone(field: str, name: Any) -> tzinfo:
    """The zone of an IANA name or a fixed offset such as `+05:30`.

    Raises:
        TowpathError: `BAD_SCHEDULE` when there is no such zone.
    """
    if name is None or name in ("UTC", "Z"):
        return UTC
    if not isinstance(name, str):
        raise bad(field, f"must be the name of a time zone such as 'Europe/Berlin', not {name!r}")
    if fixed := _FIXED.fullmatch(name):
        size = timedelta(hours=int(fixed[2]), minutes=int(fixed[3]))
        if size < timedelta(days=1):
            return timezone(size if fixed[1] == "+" else -size)
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, not a key, a folder of the database
        raise bad(field, f"{name!r} is not a time zone known here; use an IANA name such as 'Europe/Berlin'") from None


def parse_moment(field: str, value: Any) -> Moment:
    """A `{dt, tz}` pair of a schedule's JSON.

    Raises:
        TowpathError: `BAD_SCHEDULE` when it is not one.
    """
    if not isinstance(value, dict) or not isinstance(value.get("dt"), str):
        raise bad(field, f"must be {{'dt': '2026-01-31T09:00:00', 'tz': 'Europe/Berlin'}}, not {value!r}")
    zone = parse_zone(f"{field}.tz", value.get("tz"))
    wall = parse_datetime(f"{field}.dt", value["dt"])
    if wall.tzinfo is not None:
        wall = wall.astimezone(zone).replace(tzinfo=None)
    try:
        resolve(wall, zone)
    except OverflowError:
        raise bad(f"{field}.dt", f"{value['dt']!r} is outside the years 1 to 9999 in UTC") from None
    return Moment(wall.replace(fold=0), zone, value.get("tz") or "UTC")


def parse_datetime(field: str, text: str) -> datetime:
    """An ISO 8601 date and time, naive or aware.

    Raises:
        TowpathError: `BAD_SCHEDULE` when it is not one.
    """
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise bad(field, f"{text!r} is not an ISO 8601 date and time such as '2026-01-31T09:00:00'") from None
