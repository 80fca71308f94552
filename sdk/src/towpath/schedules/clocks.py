"""The clocks, under the name that flows import them by."""

from towpath.schedules import Clock, CronClock, DatesClock, IntervalClock

__all__ = ["Clock", "CronClock", "DatesClock", "IntervalClock"]
