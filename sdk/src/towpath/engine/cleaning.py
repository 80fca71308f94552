"""Closes what this process has opened, where the task that should do it does not get to run.

A cleanup task runs like any other when all that uses its resource has ended. Three cases are left:
* the run is cancelled: no new task begins, but the resource is closed, and the cleanup task ends with the outcome;
* the run leaves this process because it must wait long: the resource is this process's, so it is closed now, and the next opens its own;
* the run was resumed, the cleanup task had ended in the first process, and the resource was opened again here: it is closed again.
In the last two the stored state of the cleanup task stays what it is.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

from towpath._context import Frame, context, current_frame
from towpath.engine.plan import Node
from towpath.engine.state import Failed, Skipped, State, Success
from towpath.engine.values import Values

_logger = logging.getLogger("towpath.engine")


class Cleaning:
    """The resources of one run in this process. Reads the coordinator's tables, changes nothing in them.

    Args:
        nodes: The plan's nodes.
        states: Their states.
        values: Reads inputs.
        scope: The run's part of the context.
    """

    def __init__(self, nodes: list[Node], states: list[State | None], values: Values, scope: Frame) -> None:
        self._cleanups = [node for node in nodes if node.task.cleans_up]
        self._states = states
        self._values = values
        self._scope = scope
        self.begun: set[int] = set()
        """Cleanups that have run here, or are running."""

    def left_open(self) -> Iterator[Node]:
        """Cleanup tasks whose resource is open in this process and that have not run here; the one that was opened last comes first."""
        return (node for node in reversed(self._cleanups) if node.index not in self.begun and self._is_open(node))

    def _is_open(self, node: Node) -> bool:
        for edge in node.edges:
            if edge.key == "resource":
                state = self._states[edge.up]
                return isinstance(state, Success) and not isinstance(state, Skipped) and state._result.has_value
        return False

    def close(self, node: Node) -> State:
        """Close the resource of a cleanup task, in this thread; the state that says how it went."""
        self.begun.add(node.index)
        token = current_frame.set(self._scope)
        try:
            with context(task_name=node.task.name, task_slug=node.slug, task_full_name=node.task.name):
                _logger.info("Closing the resource of task %r", node.slug)
                node.task.run(**self._values.inputs(node, -1))
        except Exception as error:
            _logger.error("The resource of task %r cannot be closed: %r", node.slug, error, exc_info=True)
            return Failed(f"Error during execution of task: {error!r}", error)
        finally:
            current_frame.reset(token)
        return Success("The resource was closed.")
