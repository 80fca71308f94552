"""One run of a flow: checks its parameters, sets the context, lets the coordinator run the tasks, and decides the final state."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from towpath._context import Frame, current_frame
from towpath.core.parameter import Parameter
from towpath.engine import flow_pipeline
from towpath.engine.caching import CachedStates, Caching, local_cache
from towpath.engine.clock import Clock, SystemClock
from towpath.engine.coordinator import Coordinator
from towpath.engine.handlers import handled
from towpath.engine.plan import Node, plan_of
from towpath.engine.reporting import NullReporter, Reporter
from towpath.engine.results import LocalResult, Result
from towpath.engine.slots import Limits
from towpath.engine.state import Failed, Pending, Running, State
from towpath.engine.terms import Key, Terms
from towpath.errors import FlowError, TowpathError
from towpath.executors.local import LocalExecutor
from towpath.logs import attach_reporting, current_reporter
from towpath_proto import parameter_schemas
from towpath_proto.errors import Code

if TYPE_CHECKING:
    from towpath.core.flow import Flow
    from towpath.executors.port import Executor

_logger = logging.getLogger("towpath.engine")


class FlowRun:
    """One run of `flow` in this process. Make it, call `run` once; `cancel` may be called from any thread or signal handler.

    Args:
        flow: The flow.
        parameters: Values of its parameters.
        executor: What runs the tasks; default the flow's, else one after the other.
        reporter: Is told what happens; default nobody.
        clock: The time; default the system's.
        context: Further values of the context, such as the run's ids.
        task_context: Further values of the context of a task run, by slug and map index.
        state: The state in which the flow run is found.
        initial_states: States of task runs that an earlier process left, by (slug, map index). What has finished is not run again.
        checkpointing: Whether results are stored.
        default_result: Where, for tasks of which neither task nor flow says so.
        start_time: When the run was due; default now.
        max_wait: Longest wait with nothing else to do; a run that must wait longer leaves the process, Running. Default: any.
        cached_states: Where cached results of other runs lie; default in this process.
        limits: Whom to ask before a task with a limited tag runs; default nobody.

    Raises:
        FlowError: If the flow is not valid, or the parameters do not fit it.
    """

    def __init__(
        self,
        flow: Flow,
        *,
        parameters: Mapping[str, Any] | None = None,
        executor: Executor | None = None,
        reporter: Reporter | None = None,
        clock: Clock | None = None,
        context: Mapping[str, Any] | None = None,
        task_context: Callable[[str, int], Mapping[str, Any]] | None = None,
        state: State | None = None,
        initial_states: Mapping[Key, State] | None = None,
        checkpointing: bool = False,
        default_result: Result | None = None,
        start_time: datetime | None = None,
        max_wait: timedelta | None = None,
        cached_states: CachedStates | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.flow = flow
        self._plan = plan_of(flow)
        self._clock = clock or SystemClock()
        self._state = state
        self._reporter = None if reporter is None or isinstance(reporter, NullReporter) else reporter
        self._checkpointing = checkpointing
        self._default_result = default_result
        given = _checked_parameters(flow, parameters or {})
        due = start_time or self._clock.now()
        store = self._store if checkpointing else self._store_targets
        self._scope = Frame(
            {
                **_dates(due),
                "scheduled_start_time": due,
                "flow_name": flow.name,
                "checkpointing": checkpointing,
                "running_with_backend": False,
                **(context or {}),
                "parameters": given,
            }
        )
        self._coordinator = Coordinator(
            self._plan,
            Terms(
                executor=executor or flow.executor or LocalExecutor(),
                reporter=self._reporter,
                clock=self._clock,
                scope=self._scope,
                initial=initial_states or {},
                store=store,
                policy=self._policy,
                task_context=task_context,
                max_wait=max_wait,
                caching=self._caching(cached_states, store),
                limits=limits,
            ),
        )

    def _caching(self, states: CachedStates | None, store: Callable[[Node], Result | None]) -> Caching | None:
        if not any(node.recalls for node in self._plan.nodes):
            return None
        return Caching(self.flow.name, self._plan.nodes, states or local_cache, store, self._policy, self._scope, self._clock)

    def cancel(self, reason: str = "Flow run was cancelled.") -> None:
        """Stop the run: no new task begins, the running one is interrupted, the run ends Cancelled.

        Called by a signal handler while a task runs in the handler's thread, it raises KeyboardInterrupt into that task.
        """
        self._coordinator.cancel(reason)

    def leave(self, reason: str) -> None:
        """Stop the run in this process and let it be Running: the same as `cancel`, but neither it nor what is interrupted ends.

        For a process that has to go while its run goes on elsewhere. What this process has opened is closed.
        """
        self._coordinator.cancel(reason, leaving=True)

    def run(self) -> State:
        """Run to the end, or until only waiting is left that this process will not do.

        Returns:
            The state of the flow run; its `result` has the state of each task.
        """
        frame = current_frame.set(self._scope)
        sink = current_reporter.set(self._reporter)
        try:
            if self._reporter is not None:
                attach_reporting()
            return self._run()
        finally:
            current_reporter.reset(sink)
            current_frame.reset(frame)
            if self._reporter is not None:
                self._reporter.flush()

    def _run(self) -> State:
        state = flow_pipeline.begin(self._state)
        if state is None:
            assert self._state is not None  # begin() answers None only for a state that has ended
            raise FlowError(Code.BAD_STATE, f"this flow run has ended as {self._state.kind}; restart it to run it again")
        state = self._enter(state)
        if not isinstance(state, Running):
            return state
        _logger.info("Beginning flow run of %r", self.flow.name)
        try:
            self._coordinator.run()
            end = self._end()
        except TowpathError as error:
            end = Failed(error.message, error)
        except Exception as error:
            _logger.error("Unexpected error while running flow %r", self.flow.name, exc_info=True)
            end = Failed(f"Unexpected error while running flow: {error!r}", error)
        states = {node.task: self._coordinator.states[node.index] or Pending() for node in self._plan.nodes}
        end.result = states
        if not isinstance(end, Running):
            end = self._enter(end)
            end.result = states
        _logger.log(logging.ERROR if end.is_failed() else logging.INFO, "Flow run of %r is %s: %s", self.flow.name, end.kind, end.message)
        return end

    def _end(self) -> State:
        if self._coordinator.leaving:
            return Running(f"This process leaves the run: it {self._coordinator.cancel_reason}.")
        if self._coordinator.cancel_reason is not None:
            return flow_pipeline.cancelled(self._coordinator.cancel_reason)
        states = self._coordinator.states
        reference = [states[number] for number in self._plan.reference]
        end = flow_pipeline.final([states[number] for number in self._plan.terminal], reference)
        handler = self.flow.terminal_state_handler
        if handler is not None and not isinstance(end, Running):
            end = handler(self.flow, end, {state for state in reference if state is not None}) or end
        return end

    def _enter(self, state: State) -> State:
        if self.flow.state_handlers:
            state = handled(self.flow, self._state or Pending(), state)
        self._state = state
        if self._reporter is not None:
            self._reporter.flow_state(state, self._clock.now())
        return state

    def _store(self, node: Node) -> Result | None:
        if node.task.target is not None:
            return self._store_targets(node)
        if node.task.checkpoint is False:
            return None
        return node.task.result or self.flow.result or self._default_result

    def _store_targets(self, node: Node) -> Result | None:
        """A task with a target is stored there, also where nothing else is."""
        if node.task.target is None:
            return None
        policy = self._result_of(node).copy()
        policy.location = node.task.target
        return policy

    def _policy(self, node: Node) -> Result:
        """Where a result of this task that another process has stored must be."""
        return self._store_targets(node) or self._result_of(node)

    def _result_of(self, node: Node) -> Result:
        return node.task.result or self.flow.result or self._default_result or LocalResult()


def _checked_parameters(flow: Flow, given: Mapping[str, Any]) -> dict[str, Any]:
    known = {task.name: task for task in flow.slugs if isinstance(task, Parameter)}
    unknown = sorted(set(given) - set(known))
    if unknown:
        names = ", ".join(sorted(known)) or "none"
        raise FlowError(Code.UNKNOWN_PARAMETER, f"flow {flow.name!r} has no parameter {', '.join(unknown)}; its parameters: {names}")
    missing = sorted(name for name, parameter in known.items() if parameter.required and name not in given)
    if missing:
        raise FlowError(Code.MISSING_PARAMETER, f"flow {flow.name!r} needs a value for its parameter {', '.join(missing)}")
    values = {name: given.get(name, parameter.default) for name, parameter in known.items()}
    declared = [{"name": p.name, "required": p.required, "schema": p.schema, "enforced": True} for p in known.values() if p.enforced]
    if declared:
        parameter_schemas.check(declared, values, flow_name=flow.name)
    return values


def _dates(now: datetime) -> dict[str, Any]:
    values: dict[str, Any] = {"date": now.astimezone(UTC)}
    for name, days in (("yesterday", -1), ("today", 0), ("tomorrow", 1)):
        day = now + timedelta(days=days)
        values[name] = f"{day:%Y-%m-%d}"
        values[f"{name}_nodash"] = f"{day:%Y%m%d}"
    return values
