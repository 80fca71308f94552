"""`Measure`: one number that a benchmark found, with what it is to be held against. Knows nothing of how it was found."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One number.

    Attributes:
        name: What was measured.
        value: The number.
        unit: Its unit.
        target: What it should be.
        better: Whether less or more of it is better.
        floor: The same work without Towpath, or with less of it, measured in the same run.
        floor_is: What the floor is.
        remark: Count, spread and what else a reader should know.
    """

    name: str
    value: float
    unit: str
    target: float | None = None
    better: Literal["less", "more"] = "less"
    floor: float | None = None
    floor_is: str = ""
    remark: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without one."""
        if self.target is None:
            return None
        return self.value <= self.target if self.better == "less" else self.value >= self.target


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` of all values do not exceed (nearest rank; no interpolation)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def spread(values: Sequence[float], digits: int = 1) -> str:
    """Count and range, for a remark."""
    return f"{len(values)}x, {min(values):.{digits}f} to {max(values):.{digits}f}"
