"""Turns schedules into flow runs ahead of time."""
