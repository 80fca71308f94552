"""State handlers: what an author wants to be asked at each change of state."""

from __future__ import annotations

import logging
from typing import Any

from towpath.engine.state import Failed, State

_logger = logging.getLogger("towpath.engine")


def handled(task: Any, old: State, new: State) -> State:
    """Ask the state handlers of a task or flow in turn; each may replace the new state."""
    for handler in task.state_handlers:
        try:
            new = handler(task, old, new) or new
        except Exception as error:
            name = getattr(handler, "__qualname__", type(handler).__name__)
            _logger.error("The state handler %s of %r failed: %r", name, task.name, error, exc_info=True)
            return Failed(f"Exception raised while calling state handlers: {error!r} in {name}", error)
    return new
