"""`FilterTask`: leaves out what is of no use of a list of results, such as those of a map's failed children."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from towpath._context import context
from towpath.core.task import Task
from towpath.engine.triggers import all_finished


def useful(value: Any) -> bool:
    """Whether a value is a result: neither None nor an exception."""
    return not isinstance(value, BaseException | None)


class FilterTask(Task):
    """Runs whatever happened upstream, and returns the results that are of use.

    Args:
        filter_func: Whether a value is kept; default: it is neither None nor an exception.
        log_func: Text for the log of each value that is left out; default none.
        **options: As for `Task`.
    """

    def __init__(
        self, filter_func: Callable[[Any], bool] | None = None, log_func: Callable[[Any], str] | None = None, **options: Any
    ) -> None:
        super().__init__(**{"skip_on_upstream_skip": False, "trigger": all_finished, **options})
        self.filter_func = filter_func or useful
        self.log_func = log_func

    def run(self, task_results: list[Any]) -> list[Any]:
        """What is kept."""
        kept = []
        for value in task_results:
            if self.filter_func(value):
                kept.append(value)
            elif self.log_func is not None:
                context.logger.info(self.log_func(value))
        return kept
