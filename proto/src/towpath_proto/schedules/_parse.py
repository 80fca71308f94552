"""From a schedule's JSON to a `Schedule`, or to an error that names the field. Unknown extra fields are ignored, as Prefect 1 does."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, timedelta
from typing import Any, TypeVar

from towpath_proto.schedules._clocks import INTERVAL_ANCHOR, Clock, CronTicks, DateTicks, IntervalTicks, Ticks
from towpath_proto.schedules._cron import expression
from towpath_proto.schedules._filters import parse_adjustment, parse_filter
from towpath_proto.schedules._moments import Moment, bad, parse_moment
from towpath_proto.schedules._schedule import Schedule

_SHORTEST_INTERVAL = timedelta(minutes=1)
_MOST_CLOCKS = 100
_MOST_DATES = 10_000
_MOST_ADJUSTMENTS = 10
Parsed = TypeVar("Parsed")


def parse(schedule: Any) -> Schedule:
    """Read and check a schedule.

    Args:
        schedule: The decoded JSON.

    Raises:
        TowpathError: `BAD_SCHEDULE`, with a sentence that names the field and says what it must be.
    """
    if not isinstance(schedule, dict):
        raise bad("clocks", "is missing: a schedule is an object {'clocks': [...], 'filters': [...], ...}")
    clocks = _list("clocks", schedule.get("clocks"), _clock)
    if not 0 < len(clocks) <= _MOST_CLOCKS:
        raise bad("clocks", f"must list 1 to {_MOST_CLOCKS} clocks, it has {len(clocks)}")
    adjustments = _list("adjustments", schedule.get("adjustments"), parse_adjustment)
    if len(adjustments) > _MOST_ADJUSTMENTS:
        raise bad("adjustments", f"must list at most {_MOST_ADJUSTMENTS}, it has {len(adjustments)}")
    return Schedule(
        clocks=tuple({clock.key: clock for clock in clocks}.values()),
        filters=_list("filters", schedule.get("filters"), parse_filter),
        or_filters=_list("or_filters", schedule.get("or_filters"), parse_filter),
        not_filters=_list("not_filters", schedule.get("not_filters"), parse_filter),
        adjustments=adjustments,
    )


def _list(field: str, value: Any, parse_one: Callable[[str, Any], Parsed]) -> tuple[Parsed, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise bad(field, f"must be a list, not {type(value).__name__}")
    # Prefect 1 writes null for a function that it could not name when it was told not to mind.
    return tuple(parse_one(f"{field}[{index}]", item) for index, item in enumerate(value) if item is not None)


def _clock(field: str, value: Any) -> Clock:
    kind = value.get("type") if isinstance(value, dict) else None
    maker = _KINDS.get(kind) if isinstance(kind, str) else None
    if maker is None:
        raise bad(f"{field}.type", f"must be one of {', '.join(_KINDS)}, not {kind!r}")
    ticks, content = maker(field, value)
    defaults = value.get("parameter_defaults") or {}
    if not isinstance(defaults, dict):
        raise bad(f"{field}.parameter_defaults", f"must be an object of parameter names and values, not {defaults!r}")
    labels = value.get("labels")
    if labels is not None and not (isinstance(labels, list) and all(isinstance(label, str) for label in labels)):
        raise bad(f"{field}.labels", f"must be a list of strings or null, not {labels!r}")
    whole = {**content, "type": kind, "parameter_defaults": defaults, "labels": None if labels is None else sorted(labels)}
    canonical = json.dumps(whole, sort_keys=True, separators=(",", ":"), default=str)
    key = hashlib.sha256(canonical.encode()).hexdigest()[:16]
    return Clock(key, ticks, defaults, None if labels is None else tuple(sorted(labels)))


def _bounds(field: str, value: dict[str, Any]) -> tuple[Moment | None, Moment | None]:
    start, end = (None if value.get(name) is None else parse_moment(f"{field}.{name}", value[name]) for name in ("start_date", "end_date"))
    return start, end


def _interval(field: str, value: dict[str, Any]) -> tuple[Ticks, dict[str, Any]]:
    start, end = _bounds(field, value)
    size = value.get("interval")
    if isinstance(size, bool) or not isinstance(size, int | float):
        raise bad(f"{field}.interval", f"must be a number of microseconds, not {size!r}")
    try:
        interval = timedelta(microseconds=size)
    except (OverflowError, ValueError):
        raise bad(f"{field}.interval", f"of {size} microseconds is too long") from None
    if interval < _SHORTEST_INTERVAL:
        raise bad(f"{field}.interval", f"must be at least one minute (60000000 microseconds), not {size}")
    content = {"start": start, "end": end, "interval": interval // timedelta(microseconds=1)}
    return IntervalTicks(start or INTERVAL_ANCHOR, interval, end.instant if end else None), content


def _cron(field: str, value: dict[str, Any]) -> tuple[Ticks, dict[str, Any]]:
    start, end = _bounds(field, value)
    text, day_or = value.get("cron"), value.get("day_or")
    if not isinstance(text, str):
        raise bad(f"{field}.cron", f"must be a cron expression such as '0 9 * * 1-5', not {text!r}")
    if day_or is not None and not isinstance(day_or, bool):
        raise bad(f"{field}.day_or", f"must be true, false or null, not {day_or!r}")
    text, day_or = " ".join(text.lower().split()), day_or is not False
    ticks = CronTicks(
        cron=expression(f"{field}.cron", text, day_or),
        zone=start.zone if start else UTC,
        start=start.instant if start else None,
        end=end.instant if end else None,
    )
    return ticks, {"start": start, "end": end, "cron": text, "day_or": day_or}


def _dates(field: str, value: dict[str, Any]) -> tuple[Ticks, dict[str, Any]]:
    dates = _list(f"{field}.dates", value.get("dates"), parse_moment)
    if not 0 < len(dates) <= _MOST_DATES:
        raise bad(f"{field}.dates", f"must list 1 to {_MOST_DATES} dates, it has {len(dates)}")
    ordered = sorted(dates, key=lambda date: (date.instant, date.name))
    return DateTicks(tuple((date.instant, date.zone) for date in ordered)), {"dates": list(map(str, ordered))}


_KINDS: dict[str, Callable[[str, dict[str, Any]], tuple[Ticks, dict[str, Any]]]] = {
    "IntervalClock": _interval,
    "CronClock": _cron,
    "DatesClock": _dates,
}
