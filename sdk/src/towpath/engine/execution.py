"""What runs where the work is done: one try of one task, turned into a state.

A module-level function of plain arguments, so that any executor can send it anywhere. It writes the result, since values should not travel
only to be stored; it reports nothing and decides nothing about retries.
"""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from towpath._context import Frame, context, current_frame
from towpath.engine.naming import nameable
from towpath.engine.results import Result
from towpath.engine.signals import Signal
from towpath.engine.state import Failed, State, Success, TimedOut
from towpath.executors.interrupt import TooLong, time_limit
from towpath.logs import printed_as_log

if TYPE_CHECKING:
    from towpath.core.task import Task

_logger = logging.getLogger("towpath.engine")


@dataclass(frozen=True, slots=True)
class Work:
    """What all runs of a task in one flow run have in common.

    Attributes:
        task: The task.
        scope: The run's part of the context.
        store: Where to write the result; None keeps it in memory.
    """

    task: Task
    scope: Frame
    store: Result | None


def run_task(work: Work, inputs: dict[str, Any], values: dict[str, Any]) -> State:
    """Run a task once.

    Args:
        work: The task, and where it runs.
        inputs: Arguments of its `run`.
        values: The task's part of the context.

    Returns:
        The state in which the try ended.

    Raises:
        KeyboardInterrupt: If the run is to be stopped.
    """
    task, store = work.task, work.store
    token = current_frame.set(Frame(values, work.scope))
    try:
        plain = task.timeout is None and not task.log_stdout
        value = task.run(**inputs) if plain else _guarded(task, inputs)
        if store is None:
            return Success("Task run succeeded.", value)
        return _stored(Success("Task run succeeded.", value), store, inputs)
    except Signal as signal:
        return _stored(signal.state, store, inputs) if type(signal.state) is Success and store is not None else signal.state
    except TooLong:
        if task.timeout is None:  # the limit of a task around this flow run
            raise
        seconds = task.timeout.total_seconds()
        message = f"Timed out after {seconds:g} s."
        _logger.error("Task %r: %s", values["task_full_name"], message)
        return TimedOut(message, TimeoutError(message))
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        # SystemExit and its like too: user code must not end the run of everybody else.
        _logger.error("Task %r failed: %r", values["task_full_name"], error, exc_info=True)
        return Failed(f"Error during execution of task: {error!r}", error)
    finally:
        current_frame.reset(token)


def _guarded(task: Task, inputs: dict[str, Any]) -> Any:
    """Run with the time limit and the redirection of prints that the task asks for."""
    with ExitStack() as stack:
        if task.log_stdout:
            stack.enter_context(printed_as_log())
        if task.timeout is not None:
            stack.enter_context(time_limit(task.timeout.total_seconds()))
        return task.run(**inputs)


def _stored(state: State, store: Result, inputs: dict[str, Any]) -> State:
    try:
        state.result = store.write(state.result, **nameable(inputs))
    except Exception as error:
        _logger.error("The result of task %r cannot be stored", context.get("task_full_name"), exc_info=True)
        return Failed(f"The task ran, but its result cannot be stored by {type(store).__name__}: {error!r}", error)
    return state
