"""Loggers of runs."""

from towpath.logs import get_logger

__all__ = ["get_logger"]
