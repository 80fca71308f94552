"""Adjustments of schedules: they move what the filters have let through."""

from __future__ import annotations

from datetime import timedelta

from towpath.schedules._rules import Rule

next_weekday = Rule("adjustments.next_weekday")
"""From Saturday and Sunday to Monday, at the same time of the day."""


def add(interval: timedelta) -> Rule:
    """Later by `interval`."""
    return Rule("adjustments.add", {"interval": interval})
