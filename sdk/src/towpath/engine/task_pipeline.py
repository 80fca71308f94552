"""The task runner's decisions: pure functions from what is known of a task run to what happens next.

No I/O, no clock, no graph: states upstream, the record of the task run and the time come in; the next state goes out. The
order of the steps is Prefect 1's: start time, skips upstream, (mapping,) trigger, run, retry, loop.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from towpath.backoff import delay_after
from towpath.engine import signals, triggers
from towpath.engine.state import (
    Failed,
    Looped,
    Mapped,
    Paused,
    Resume,
    Retrying,
    Scheduled,
    Skipped,
    State,
    Success,
    TriggerFailed,
)

if TYPE_CHECKING:
    from towpath.core.task import Task
    from towpath.engine.plan import InEdge


_logger = logging.getLogger("towpath.engine")


@dataclass(slots=True)
class Record:
    """What is known of a task run besides its inputs.

    Attributes:
        state: Its latest state.
        run_count: Number of the try that comes next or is under way, from 1.
        loop_count: Number of the turn of its loop, from 1; None while it has not looped.
        loop_result: What the turn before returned.
        hashed_inputs: The hashes of the inputs of the try under way, of a task that is cached.
    """

    state: State | None = None
    run_count: int = 1
    loop_count: int | None = None
    loop_result: Any = None
    hashed_inputs: dict[str, str] | None = None

    @classmethod
    def resumed(cls, state: State) -> Record:
        """The record of a task run that an earlier process left in `state`."""
        record = cls(state)
        if isinstance(state, Retrying):
            record.run_count = state.run_count + 1
        else:
            record.run_count = int(state.context.get("task_run_count", 1))
        if "_loop_count" in state.context:
            record.loop_count = int(state.context["_loop_count"])
        return record


_SKIPPED = (
    "Upstream task was skipped; if this was not the intended behavior, consider changing `skip_on_upstream_skip=False` for this task."
)


def waits(state: State | None, now: datetime) -> bool:
    """Whether a task run in `state` has a start time that has not come; a pause without one never ends by itself."""
    if not isinstance(state, Scheduled):
        return False
    if state.start_time is None:
        return isinstance(state, Paused)
    return state.start_time > now


def skipped(task: Task, edges: Sequence[InEdge], upstream: Sequence[State], *, parent: bool = False) -> State | None:
    """Skipped, if something upstream was and the task does not say otherwise. A parent leaves it to each child where they differ."""
    if not task.skip_on_upstream_skip:
        return None
    for edge, state in zip(edges, upstream, strict=True):
        if isinstance(state, Skipped):
            return Skipped(_SKIPPED)
        if isinstance(state, Mapped) and not (parent and edge.mapped) and any(issubclass(k, Skipped) for k in state.child_kinds()):
            return Skipped(_SKIPPED)
    return None


def trigger(task: Task, edges: Sequence[InEdge], upstream: Sequence[State]) -> State | None:
    """The state that the trigger sends the task to; None if it may run."""
    if task.trigger is triggers.all_successful and all(_succeeded(state) for state in upstream):
        return None
    try:
        if task.trigger({edge.edge: state for edge, state in zip(edges, upstream, strict=True)}):
            return None
    except signals.Signal as signal:
        return signal.state
    except Exception as error:
        return TriggerFailed(f"Unexpected error while checking task trigger: {error!r}", result=error)
    return TriggerFailed("Trigger failed.")


def _succeeded(state: State) -> bool:
    """Whether a state, or all children of a mapped one, ended well."""
    if isinstance(state, Mapped):
        return all(issubclass(kind, Success) for kind in state.child_kinds())
    return isinstance(state, Success)


def before_run(task: Task, edges: Sequence[InEdge], upstream: Sequence[State]) -> State | None:
    """The state that a task run enters instead of running, once everything upstream has ended and its time has come; None: run it."""
    return skipped(task, edges, upstream) or trigger(task, edges, upstream)


def before_map(task: Task, edges: Sequence[InEdge], upstream: Sequence[State]) -> State | None:
    """The state in which a mapped task ends without children; None if it can be mapped.

    Whether a child may run is decided for each child; the parent only needs something to be mapped over.
    """
    skip = skipped(task, edges, upstream, parent=True)
    if skip is not None:
        return skip
    for edge, state in zip(edges, upstream, strict=True):
        if edge.mapped and isinstance(state, Success) and not isinstance(state, Skipped):
            return None
    return TriggerFailed("No upstream states can be mapped over.")


def after_run(task: Task, state: State, record: Record, now: datetime) -> State | None:
    """The state that follows the one in which a try ended: Retrying after a failure, or None."""
    if not isinstance(state, Failed) or isinstance(state, TriggerFailed) or record.run_count > task.max_retries:
        return None
    if task.retry_on is not None and not isinstance(state.result, task.retry_on):
        return None
    assert task.retry_delay is not None  # Task() refuses max_retries without it
    try:
        delay = delay_after(task.retry_delay, record.run_count)
    except Exception as error:
        _logger.error("Task %r is not tried again: its retry_delay failed: %r", task.name, error, exc_info=True)
        return None
    return Retrying(
        f"Retrying Task (after attempt {record.run_count} of {task.max_retries + 1})",
        start_time=now + delay,
        run_count=record.run_count,
        context=facts(record),
    )


def facts(record: Record) -> dict[str, Any]:
    """What a failed state carries, so that another process knows how many tries were made."""
    found = {"task_run_count": record.run_count}
    if record.loop_count is not None:
        found["_loop_count"] = record.loop_count
    return found


def advance(record: Record, state: State) -> None:
    """Write down that the task run entered `state`, so that its next try or turn knows."""
    record.state = state
    if isinstance(state, Retrying):
        record.run_count += 1
    elif isinstance(state, Looped):
        record.loop_count = state.loop_count + 1
        record.loop_result = state.result


def is_resumed(record: Record) -> bool:
    """Whether a person has let a paused task go on."""
    return isinstance(record.state, Resume)
