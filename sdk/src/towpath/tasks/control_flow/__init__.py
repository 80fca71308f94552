"""Tasks that decide which other tasks run: branches, and what joins them again."""

from towpath.tasks.control_flow.case import case
from towpath.tasks.control_flow.conditional import ifelse, merge, switch
from towpath.tasks.control_flow.filter import FilterTask

__all__ = ["FilterTask", "case", "ifelse", "merge", "switch"]
