"""A schedule as people set it for a flow group, in Prefect 1's JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from towpath_proto import schedules
from towpath_proto.errors import Code, TowpathError

_ANCHOR = "2019-01-01T00:00:00"
"""Where the clocks count from, on the zone's wall clock: Prefect 1's own anchor. It does not depend on the time of the call, so a repeated
call means the same schedule, and an interval of a day fires at midnight there."""


def build(cron_clocks: Sequence[Mapping[str, Any]], interval_clocks: Sequence[Mapping[str, Any]], timezone: str | None) -> dict[str, Any]:
    """The schedule's JSON.

    Args:
        cron_clocks: `{cron, parameter_defaults}` each.
        interval_clocks: `{interval, parameter_defaults}` each; the interval in seconds.
        timezone: IANA name; None for UTC.

    Raises:
        TowpathError: `BAD_SCHEDULE` without a clock, or naming the field that means nothing.
    """
    if not cron_clocks and not interval_clocks:
        raise TowpathError(Code.BAD_SCHEDULE, "Give at least one clock; to have none, delete the group's schedule.")
    start = None if timezone is None else {"dt": _ANCHOR, "tz": timezone}
    clocks = [_clock("CronClock", c, start, cron=c["cron"]) for c in cron_clocks]
    clocks += [_clock("IntervalClock", c, start, interval=c["interval"] * 1_000_000) for c in interval_clocks]
    schedule = {"type": "Schedule", "clocks": clocks}
    schedules.parse(schedule)
    return schedule


def _clock(kind: str, given: Mapping[str, Any], start: dict[str, Any] | None, **ticks: Any) -> dict[str, Any]:
    defaults = given.get("parameter_defaults") or {}
    return {"type": kind, **ticks, "start_date": start, "end_date": None, "parameter_defaults": defaults, "labels": None}
