"""`flow.run()`: a run in the author's own process, once or at each time of the flow's schedule."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from towpath.engine.clock import Clock, SystemClock
from towpath.engine.reporting import Reporter
from towpath.engine.run import FlowRun
from towpath.engine.state import State
from towpath.logs import attach_console

if TYPE_CHECKING:
    from towpath.core.flow import Flow
    from towpath.executors.port import Executor


def run_here(
    flow: Flow,
    parameters: Mapping[str, Any],
    *,
    run_on_schedule: bool | None,
    executor: Executor | None,
    reporter: Reporter | None,
    clock: Clock | None,
    context: Mapping[str, Any],
    initial_states: Mapping[tuple[str, int], State] | None,
    start_time: datetime | None,
) -> State:
    """Run `flow` here; see `Flow.run`. On a schedule, returns after its last time, or when a run was cancelled."""
    attach_console()
    clock = clock or SystemClock()

    def once(given: Mapping[str, Any], due: datetime | None) -> State:
        run = FlowRun(
            flow,
            parameters=given,
            executor=executor,
            reporter=reporter,
            clock=clock,
            context=context,
            initial_states=initial_states,
            start_time=due,
        )
        return run.run()

    if flow.schedule is None or run_on_schedule is False:
        return once(parameters, start_time)
    state: State | None = None
    last = clock.now()
    flow.schedule.must_fire(last)
    while state is None or not state.is_cancelled():
        event = flow.schedule.next_event(last)
        if event is None:
            break
        _sleep_until(clock, event.start_time)
        state = once({**event.parameter_defaults, **parameters}, event.start_time)
        last = event.start_time
    return state if state is not None else once(parameters, start_time)


def _sleep_until(clock: Clock, moment: datetime) -> None:
    nothing: SimpleQueue[Any] = SimpleQueue()
    while (seconds := (moment - clock.now()).total_seconds()) > 0:
        clock.wait(nothing, seconds)
