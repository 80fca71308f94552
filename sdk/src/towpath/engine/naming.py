"""What templates may name: those of result locations, targets and task run names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from towpath._context import context


def nameable(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs of the task that runs here, then what is in its context, then the run's parameters; the first that has a name counts."""
    return {**(context.get("parameters") or {}), **context.to_dict(), **inputs}
