"""Filters of schedules: `Schedule(clocks, filters=[is_weekday], not_filters=[on_date(12, 25)])`. They look at a clock's own wall time."""

from __future__ import annotations

from datetime import datetime, time

from towpath.schedules._rules import Rule

is_weekday = Rule("filters.is_weekday")
"""Monday to Friday."""

is_weekend = Rule("filters.is_weekend")
"""Saturday and Sunday."""

is_month_start = Rule("filters.is_month_start")
"""The first day of a month."""

is_month_end = Rule("filters.is_month_end")
"""The last day of a month."""


def on_datetime(dt: datetime) -> Rule:
    """At this moment."""
    return Rule("filters.on_datetime", {"dt": dt})


def on_date(month: int, day: int) -> Rule:
    """On this day of each year."""
    return Rule("filters.on_date", {"month": month, "day": day})


def at_time(t: time) -> Rule:
    """At this time of each day."""
    return Rule("filters.at_time", {"t": t})


def between_datetimes(start: datetime, end: datetime) -> Rule:
    """From one moment to another, both included."""
    return Rule("filters.between_datetimes", {"start": start, "end": end})


def between_dates(start_month: int, start_day: int, end_month: int, end_day: int) -> Rule:
    """From one day of the year to another, both included; may pass the new year."""
    ends = {"start_month": start_month, "start_day": start_day, "end_month": end_month, "end_day": end_day}
    return Rule("filters.between_dates", ends)


def between_times(start: time, end: time) -> Rule:
    """From one time of the day to another, both included; may pass midnight."""
    return Rule("filters.between_times", {"start": start, "end": end})


def is_day_of_week(day_of_week: int) -> Rule:
    """On this day of the week; 0 is Sunday."""
    return Rule("filters.is_day_of_week", {"day_of_week": day_of_week})
