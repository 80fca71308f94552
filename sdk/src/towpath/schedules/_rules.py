"""Filters and adjustments as an author writes them: a name and its arguments. What they mean is told by `towpath_proto.schedules` alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any


@dataclass(frozen=True)
class Rule:
    """A filter or an adjustment.

    Attributes:
        fn: Its dotted name.
        kwargs: Its arguments.
    """

    fn: str
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Prefect 1's JSON."""
        return {"fn": f"towpath.schedules.{self.fn}", "kwargs": {name: _text(value) for name, value in self.kwargs.items()}}


def _text(value: Any) -> Any:
    if isinstance(value, datetime):
        return f"//datetime:{value.isoformat()}"
    if isinstance(value, time):
        return f"//time:{value.isoformat()}"
    if isinstance(value, timedelta):
        return f"//timedelta:{value.total_seconds()}"
    return value
