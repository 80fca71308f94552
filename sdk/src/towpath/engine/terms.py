"""The terms of a run: what the coordinator is given and does not change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from towpath._context import Frame
from towpath.engine.caching import Caching
from towpath.engine.clock import Clock
from towpath.engine.plan import Node
from towpath.engine.reporting import Reporter
from towpath.engine.results import Result
from towpath.engine.slots import Limits
from towpath.engine.state import State
from towpath.executors.port import Executor

Key = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of a run that do not change while it runs.

    Attributes:
        executor: Runs the tasks.
        reporter: Is told what happens; None if nobody listens.
        clock: The time.
        scope: The run's part of the context.
        initial: States that an earlier process left, by (slug, map index).
        store: Where a task's result is written; None for a task whose result stays in memory.
        policy: Where the result of a task must be that another process has written.
        task_context: Further values of the context of a task run, such as its id.
        max_wait: Longest wait with nothing else to do; a run that must wait longer leaves the process. None: any.
        caching: Finds and keeps results for other runs; None if no task of the plan asks for it.
        limits: Whom to ask for slots of concurrency limits; None where there are none.
    """

    executor: Executor
    reporter: Reporter | None
    clock: Clock
    scope: Frame
    initial: Mapping[Key, State]
    store: Callable[[Node], Result | None]
    policy: Callable[[Node], Result]
    task_context: Callable[[str, int], Mapping[str, Any]] | None
    max_wait: timedelta | None
    caching: Caching | None
    limits: Limits | None
