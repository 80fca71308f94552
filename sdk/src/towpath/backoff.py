"""How long a task waits before each further try: the same each time, a list, growing, or as a function says.

A delay depends on the number of the try alone, so a run that another process goes on with waits as it would have here.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from towpath.errors import FlowError
from towpath_proto.errors import Code

__all__ = ["Backoff", "delay_after", "exponential", "linear"]

LISTED = 100
"""Delays that a serialised task lists at most."""

RetryDelay = (
    timedelta
    | float
    | list[timedelta | float]
    | list[timedelta]
    | list[float]
    | tuple[timedelta | float, ...]
    | Callable[[int], timedelta | float]
)
"""What an author may give: one delay (seconds or timedelta), one for each retry (the last one counts on), or a function of the number of
the try that failed, from 1."""

Delay = timedelta | tuple[timedelta, ...] | Callable[[int], Any]
"""The same as a task keeps it."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delays that grow: `first * factor ** (n - 1) + step * (n - 1)` after try n, at most `longest`.

    Attributes:
        first: The first delay, in seconds.
        factor: What each delay is multiplied by for the next.
        step: What is added for the next, in seconds.
        longest: The longest delay, in seconds.
        jitter: The share of each delay that is left to chance, from 0 to 1, so that many tasks do not come back at one instant.
    """

    first: float
    factor: float
    step: float
    longest: float
    jitter: float

    def __post_init__(self) -> None:
        if self.first < 0 or self.factor < 1 or self.step < 0 or self.longest < self.first or not 0 <= self.jitter <= 1:
            message = f"a back-off needs 0 <= first <= longest, factor >= 1, step >= 0 and a jitter from 0 to 1; got {self!r}"
            raise FlowError(Code.BAD_FLOW, message)

    def without_chance(self, tries: int) -> float:
        """The delay after try number `tries` before chance shortens it, in seconds."""
        try:
            grown = self.first * self.factor ** (tries - 1) + self.step * (tries - 1)
        except OverflowError:
            return self.longest
        return min(grown, self.longest)

    def __call__(self, tries: int) -> timedelta:
        """The delay after try number `tries`."""
        delay = self.without_chance(tries)
        return timedelta(seconds=delay * (1 - self.jitter * random.random()))


def exponential(first: timedelta | float = 1, *, factor: float = 2, longest: timedelta | float = 3600, jitter: float = 0) -> Backoff:
    """Each delay `factor` times the one before: 1, 2, 4, 8, … seconds.

    Args:
        first: The first delay (seconds or timedelta).
        factor: At least 1.
        longest: The longest delay.
        jitter: The share of each delay that is left to chance, from 0 to 1.
    """
    return Backoff(seconds_of(first), factor, 0.0, seconds_of(longest), jitter)


def linear(first: timedelta | float = 1, *, step: timedelta | float = 1, longest: timedelta | float = 3600, jitter: float = 0) -> Backoff:
    """Each delay longer than the one before by `step`: 1, 2, 3, 4, … seconds."""
    return Backoff(seconds_of(first), 1.0, seconds_of(step), seconds_of(longest), jitter)


def seconds_of(value: Any) -> float:
    """A delay in seconds.

    Raises:
        FlowError: If it is none: neither a timedelta nor a number, or negative.
    """
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < timedelta.max.total_seconds():
        raise FlowError(Code.BAD_FLOW, f"a retry delay is a number of seconds or a timedelta, not negative; got {value!r}")
    return float(seconds)


def checked(delay: RetryDelay | None) -> Delay | None:
    """What an author gave, as a task keeps it.

    Raises:
        FlowError: If it is no delay.
    """
    if delay is None or callable(delay):
        return delay
    if isinstance(delay, list | tuple):
        if not delay:
            raise FlowError(Code.BAD_FLOW, "a list of retry delays needs at least one")
        return tuple(timedelta(seconds=seconds_of(item)) for item in delay)
    return timedelta(seconds=seconds_of(delay))


def delay_after(delay: Delay, tries: int) -> timedelta:
    """How long to wait after try number `tries`, from 1.

    Raises:
        FlowError: If the author's function answers no delay; whatever else it raises goes through.
    """
    if isinstance(delay, timedelta):
        return delay
    if isinstance(delay, tuple):
        return delay[min(tries, len(delay)) - 1]
    return timedelta(seconds=seconds_of(delay(tries)))


def listed(delay: Delay | None, retries: int) -> list[float] | None:
    """The delays of all retries in seconds, without chance; None if they are all the same, or known only when it comes to it."""
    if isinstance(delay, tuple):
        return [delay_after(delay, number).total_seconds() for number in range(1, min(retries, LISTED) + 1)]
    if isinstance(delay, Backoff):
        return [delay.without_chance(number) for number in range(1, min(retries, LISTED) + 1)]
    return None


def first_delay(delay: Delay | None) -> float | None:
    """The first delay in seconds: Prefect 1's one number. None if the author's function is to say it."""
    if delay is None:
        return None
    if isinstance(delay, timedelta):
        return delay.total_seconds()
    found = listed(delay, 1)
    return found[0] if found else None
