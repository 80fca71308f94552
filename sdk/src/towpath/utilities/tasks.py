"""Making tasks of functions, and tagging them."""

from towpath.core.apply_map import apply_map
from towpath.core.builtin import as_task
from towpath.core.task import tags, task

__all__ = ["apply_map", "as_task", "tags", "task"]
