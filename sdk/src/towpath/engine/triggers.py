"""Triggers: given the states upstream, may a task run?

A trigger takes `{edge: state}` and answers True, or raises `TRIGGERFAIL` with the reason (False means the same), or `PAUSE`. It
looks at states only. A mapped task upstream counts by its children, unless the edge itself is mapped.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from towpath.engine import signals
from towpath.engine.state import Failed, Mapped, Skipped, State, Success

if TYPE_CHECKING:
    from towpath.core.edges import Edge

Trigger = Callable[["dict[Edge, State]"], bool]


def flat_states(upstream: dict[Edge, State]) -> list[State]:
    """The states that count: a mapped parent is replaced by its children."""
    found: list[State] = []
    for edge, state in upstream.items():
        if isinstance(state, Mapped) and not edge.mapped:
            found.extend(child for child in state.map_states if child is not None)
        else:
            found.append(state)
    return found


def all_successful(upstream: dict[Edge, State]) -> bool:
    """Run when everything upstream succeeded (the default)."""
    bad = [state for state in flat_states(upstream) if not isinstance(state, Success)]
    if bad:
        raise signals.TRIGGERFAIL('Trigger was "all_successful" but some of the upstream tasks failed.')
    return True


def all_failed(upstream: dict[Edge, State]) -> bool:
    """Run when everything upstream failed."""
    if not all(isinstance(state, Failed) for state in flat_states(upstream)):
        raise signals.TRIGGERFAIL('Trigger was "all_failed" but some of the upstream tasks succeeded.')
    return True


def any_successful(upstream: dict[Edge, State]) -> bool:
    """Run when something upstream succeeded, or nothing is upstream."""
    states = flat_states(upstream)
    if states and not any(isinstance(state, Success) for state in states):
        raise signals.TRIGGERFAIL('Trigger was "any_successful" but none of the upstream tasks succeeded.')
    return True


def any_failed(upstream: dict[Edge, State]) -> bool:
    """Run when something upstream failed, or nothing is upstream."""
    states = flat_states(upstream)
    if states and not any(isinstance(state, Failed) for state in states):
        raise signals.TRIGGERFAIL('Trigger was "any_failed" but none of the upstream tasks failed.')
    return True


def all_finished(upstream: dict[Edge, State]) -> bool:
    """Run when everything upstream has ended, whatever the outcome."""
    if not all(state.is_finished() for state in flat_states(upstream)):
        raise signals.TRIGGERFAIL('Trigger was "all_finished" but some of the upstream tasks were not finished.')
    return True


always_run = all_finished


def manual_only(upstream: dict[Edge, State]) -> bool:
    """Pause until a person resumes the task."""
    from towpath._context import context

    if context.get("resume"):
        return True
    raise signals.PAUSE('Trigger was "manual_only"; the task waits for a person to resume it.')


def not_all_skipped(upstream: dict[Edge, State]) -> bool:
    """Run when everything upstream succeeded and something of it was not skipped."""
    states = flat_states(upstream)
    if states and all(isinstance(state, Skipped) for state in states):
        raise signals.SKIP("All upstream tasks were skipped.")
    if not all(isinstance(state, Success) for state in states):
        raise signals.TRIGGERFAIL('Trigger was "not_all_skipped" but some of the upstream tasks failed.')
    return True


class some_failed:  # noqa: N801 - a trigger's name is part of Prefect 1's surface
    """Run when the number (int) or share (float) of failed upstream tasks is within bounds."""

    def __init__(self, at_least: int | float | None = None, at_most: int | float | None = None) -> None:
        self.at_least, self.at_most = at_least, at_most

    def __call__(self, upstream: dict[Edge, State]) -> bool:
        """Whether the number is within bounds."""
        return _within(self, "failed", Failed, upstream)


class some_successful:  # noqa: N801 - a trigger's name is part of Prefect 1's surface
    """Run when the number (int) or share (float) of successful upstream tasks is within bounds."""

    def __init__(self, at_least: int | float | None = None, at_most: int | float | None = None) -> None:
        self.at_least, self.at_most = at_least, at_most

    def __call__(self, upstream: dict[Edge, State]) -> bool:
        """Whether the number is within bounds."""
        return _within(self, "successful", Success, upstream)


def _within(bounds: some_failed | some_successful, word: str, kind: type[State], upstream: dict[Edge, State]) -> bool:
    states = flat_states(upstream)
    if not states:
        return True
    count = sum(isinstance(state, kind) for state in states)

    def number(bound: int | float) -> float:
        return bound * len(states) if isinstance(bound, float) else bound

    if bounds.at_least is not None and count < number(bounds.at_least):
        raise signals.TRIGGERFAIL(f'Trigger was "some_{word}" but only {count} of {len(states)} upstream tasks were {word}.')
    if bounds.at_most is not None and count > number(bounds.at_most):
        raise signals.TRIGGERFAIL(f'Trigger was "some_{word}" but {count} of {len(states)} upstream tasks were {word}.')
    return True


def describe(trigger: Any) -> dict[str, Any]:
    """A trigger as JSON: its dotted name and the bounds it was made with."""
    if isinstance(trigger, some_failed | some_successful):
        kwargs = {"at_least": trigger.at_least, "at_most": trigger.at_most}
        return {"fn": f"towpath.triggers.{type(trigger).__name__}", "kwargs": kwargs}
    name = getattr(trigger, "__qualname__", type(trigger).__qualname__)
    module = getattr(trigger, "__module__", "")
    return {"fn": f"{'towpath.triggers' if module == __name__ else module}.{name}", "kwargs": {}}
