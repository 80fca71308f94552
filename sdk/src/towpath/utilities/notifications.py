"""State handlers made of a callback and a condition."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from towpath.core.options import StateHandler
from towpath.engine.state import State


def callback_factory(fn: Callable[[Any, State], Any], check: Callable[[State], bool]) -> StateHandler:
    """A state handler that calls `fn(task_or_flow, new_state)` when `check(new_state)` is true."""

    def handler(subject: Any, old: State, new: State) -> State:
        if check(new):
            fn(subject, new)
        return new

    return handler
