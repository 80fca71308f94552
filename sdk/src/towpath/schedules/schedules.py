"""The schedules, under the name that flows import them by."""

from towpath.schedules import CronSchedule, IntervalSchedule, Schedule

__all__ = ["CronSchedule", "IntervalSchedule", "Schedule"]
