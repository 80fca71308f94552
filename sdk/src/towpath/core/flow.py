"""Flows: a graph of tasks with a name. Authoring, serialising and starting; running is the engine's, sending is the client's."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from towpath.core.edges import Edge
from towpath.core.flow_graph import FlowGraph
from towpath.core.options import StateHandler
from towpath.core.task import FailureHandler, Task

if TYPE_CHECKING:
    from datetime import datetime

    from towpath.engine.clock import Clock
    from towpath.engine.reporting import Reporter
    from towpath.engine.results import Result
    from towpath.engine.state import State
    from towpath.executors import Executor
    from towpath.run_configs import RunConfig
    from towpath.schedules import Schedule
    from towpath.storage import Storage


class Flow(FlowGraph):
    """A graph of tasks. Tasks that are called inside `with Flow("name") as flow:` become part of it.

    Args:
        name: Its name within a project.
        schedule: When to run by itself.
        executor: What runs the tasks; default one after the other in this process.
        run_config: Where and how a registered flow runs.
        storage: Where its code is kept; default the backend.
        tasks: Tasks to begin with.
        edges: Edges to begin with.
        reference_tasks: Tasks that decide the final state; default those with nothing after them.
        state_handlers: Called as `handler(flow, old, new)` at each change of state.
        on_failure: Called as `on_failure(flow, state)` when a run fails.
        validate: Whether to check for cycles at each edge; the flow is checked when it runs or is registered in any case.
        result: Where and how tasks store their results, unless they say otherwise.
        terminal_state_handler: Called as `handler(flow, state, reference_states)` before a run ends; may return another final state.
    """

    def __init__(
        self,
        name: str,
        *,
        schedule: Schedule | None = None,
        executor: Executor | None = None,
        run_config: RunConfig | None = None,
        storage: Storage | None = None,
        tasks: Iterable[Task] | None = None,
        edges: Iterable[Edge] | None = None,
        reference_tasks: Iterable[Task] | None = None,
        state_handlers: Iterable[StateHandler] | None = None,
        on_failure: Callable[[Any, State], None] | None = None,
        validate: bool = False,
        result: Result | None = None,
        terminal_state_handler: Callable[[Flow, State, set[State]], State | None] | None = None,
    ) -> None:
        super().__init__(name, validate=validate)
        self.schedule = schedule
        self.executor = executor
        self.run_config = run_config
        self.storage = storage
        self.result = result
        self.state_handlers: list[StateHandler] = list(state_handlers or ())
        if on_failure is not None:
            self.state_handlers.append(FailureHandler(on_failure))
        self.terminal_state_handler = terminal_state_handler
        for task in tasks or ():
            self.add_task(task)
        for edge in edges or ():
            self.add_edge(
                edge.upstream_task, edge.downstream_task, key=edge.key, mapped=edge.mapped, flattened=edge.flattened, validate=validate
            )
        if reference_tasks:
            self.set_reference_tasks(reference_tasks)

    # --- as a value ---------------------------------------------------------------------------------------------------------------

    def copy(self) -> Flow:
        """A flow of the same tasks that can be extended by itself."""
        new = Flow(
            self.name,
            schedule=self.schedule,
            executor=self.executor,
            run_config=self.run_config,
            storage=self.storage,
            state_handlers=self.state_handlers,
            validate=self._validates,
            result=self.result,
            terminal_state_handler=self.terminal_state_handler,
        )
        for task in self.slugs:
            new.add_task(task)
        for edge in self._graph.edges:
            new._graph.add_edge(edge)
        new.constants = {task: dict(values) for task, values in self.constants.items()}
        new._reference_tasks = list(self._reference_tasks)
        return new

    def save(self, fpath: str | os.PathLike[str] | None = None) -> str:
        """Write the flow with its code to a file; returns its path (default: `flows/<name>.flow` in TOWPATH_HOME).

        Raises:
            FlowError: FLOW_NOT_PICKLABLE, naming what cannot be written.
        """
        from towpath.storage import pickle_flow

        path = Path(fpath) if fpath is not None else _saved(self.name)
        data = pickle_flow(self)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return str(path)

    @staticmethod
    def load(fpath: str | os.PathLike[str]) -> Flow:
        """The flow of a file that `save` wrote, by its path or, without a folder, by the flow's name. This runs code: trust the file."""
        from towpath.storage import load_flow

        path = Path(fpath)
        return load_flow((path if path.exists() or path.parent != Path() else _saved(str(fpath))).read_bytes())

    def serialize(self, build: bool = False) -> dict[str, Any]:
        """The flow as Prefect 1's JSON: graph, parameters, schedule, run config; no code.

        Args:
            build: Accepted for Prefect 1's sake; there is nothing to build, since code goes to the backend by itself.
        """
        from towpath.core.serialize import serialize_flow

        self.validate()
        return serialize_flow(self)

    def serialized_hash(self) -> str:
        """sha256 of the serialised flow: equal for equal flows."""
        import hashlib
        import json

        return hashlib.sha256(json.dumps(self.serialize(), sort_keys=True).encode()).hexdigest()

    # --- running and registering --------------------------------------------------------------------------------------------------

    def run(
        self,
        parameters: Mapping[str, Any] | None = None,
        *,
        run_on_schedule: bool | None = None,
        executor: Executor | None = None,
        reporter: Reporter | None = None,
        clock: Clock | None = None,
        context: Mapping[str, Any] | None = None,
        initial_states: Mapping[tuple[str, int], State] | None = None,
        start_time: datetime | None = None,
        **kwargs: Any,
    ) -> State:
        """Run the flow here and now, in this process.

        Args:
            parameters: Values of its parameters.
            run_on_schedule: Whether to run at each time of the schedule, for ever; default: if the flow has a schedule.
            executor: What runs the tasks; default the flow's.
            reporter: Gets states and logs; default nobody.
            clock: The time; default the system's.
            context: Further values of the context.
            initial_states: States by (slug, map index) to resume from.
            start_time: When this run was due.
            **kwargs: Further parameters.

        Returns:
            The final state; its `result` has the state of each task.
        """
        from towpath.engine.local import run_here

        return run_here(
            self,
            {**(parameters or {}), **kwargs},
            run_on_schedule=run_on_schedule,
            executor=executor,
            reporter=reporter,
            clock=clock,
            context=context or {},
            initial_states=initial_states,
            start_time=start_time,
        )

    def register(
        self,
        project_name: str | None = None,
        *,
        labels: Iterable[str] | None = None,
        set_schedule_active: bool = True,
        version_group_id: str | None = None,
        idempotency_key: str | None = None,
        **options: Any,
    ) -> Any:
        """Send the flow to the backend, as a new version. See `towpath.client.register_flow` for what it returns and further options."""
        from towpath.client import register_flow

        return register_flow(
            self,
            project_name=project_name,
            labels=labels,
            set_schedule_active=set_schedule_active,
            version_group_id=version_group_id,
            idempotency_key=idempotency_key,
            **options,
        )

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_known_plan": None, "_entered": []}

    def __repr__(self) -> str:
        return f'<Flow: name="{self.name}">'


def _saved(name: str) -> Path:
    return Path(os.environ.get("TOWPATH_HOME", "~/.towpath")).expanduser() / "flows" / f"{name.replace(os.sep, '_')}.flow"
