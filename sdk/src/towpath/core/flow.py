"""Flows: a graph of tasks with a name. Authoring, serialising and starting; running is the engine's, sending is the client's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Self

from towpath._context import Context, context
from towpath.core.builtin import as_task, holds_task
from towpath.core.edges import Edge, Input
from towpath.core.graph import Graph
from towpath.core.options import StateHandler
from towpath.core.parameter import Parameter
from towpath.core.task import FailureHandler, Task
from towpath.errors import FlowError
from towpath_proto.errors import Code

if TYPE_CHECKING:
    from datetime import datetime

    from towpath.engine.clock import Clock
    from towpath.engine.plan import Plan
    from towpath.engine.reporting import Reporter
    from towpath.engine.results import Result
    from towpath.engine.state import State
    from towpath.executors import Executor
    from towpath.run_configs import RunConfig
    from towpath.schedules import Schedule
    from towpath.storage import Storage


class Flow:
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
        if not name:
            raise FlowError(Code.BAD_FLOW, "a flow needs a name")
        self.name = name
        self.schedule = schedule
        self.executor = executor
        self.run_config = run_config
        self.storage = storage
        self.result = result
        self.state_handlers: list[StateHandler] = list(state_handlers or ())
        if on_failure is not None:
            self.state_handlers.append(FailureHandler(on_failure))
        self.terminal_state_handler = terminal_state_handler
        self.constants: dict[Task, dict[str, Any]] = {}
        self._graph = Graph()
        self._validates = validate
        self._entered: list[AbstractContextManager[Context]] = []
        self._known_plan: Plan | None = None
        for task in tasks or ():
            self.add_task(task)
        for edge in edges or ():
            self.add_edge(
                edge.upstream_task, edge.downstream_task, key=edge.key, mapped=edge.mapped, flattened=edge.flattened, validate=validate
            )
        self._reference_tasks: list[Task] = []
        if reference_tasks:
            self.set_reference_tasks(reference_tasks)

    # --- building -----------------------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        block = context(flow=self)
        block.__enter__()
        self._entered.append(block)
        return self

    def __exit__(self, *error: Any) -> None:
        self._entered.pop().__exit__(*error)

    def add_task(self, task: Task) -> Task:
        """Add a task, once."""
        if not isinstance(task, Task):
            raise TypeError(f"a flow consists of tasks; got {task!r}")
        if task not in self._graph.slugs:
            self._graph.add_task(task)
            self._known_plan = None
        return task

    def add_edge(
        self,
        upstream_task: Task,
        downstream_task: Task,
        *,
        key: str | None = None,
        mapped: bool = False,
        flattened: bool = False,
        validate: bool | None = None,
    ) -> Edge:
        """Let one task follow another; with `key`, the upstream value is that argument."""
        self.add_task(upstream_task)
        self.add_task(downstream_task)
        if key is not None:
            self._check_argument(downstream_task, key)
        edge = self._graph.add_edge(Edge(upstream_task, downstream_task, key, mapped, flattened))
        self._known_plan = None
        if self._validates if validate is None else validate:
            self.validate()
        return edge

    def _check_argument(self, task: Task, key: str) -> None:
        parameters = task._signature().parameters
        if key not in parameters and not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
            raise FlowError(Code.BAD_FLOW, f"task {task.name!r} has no argument {key!r}; it takes {task._signature()}")
        if key in self.constants.get(task, {}):
            raise FlowError(Code.BAD_FLOW, f"the argument {key!r} of task {self.slugs[task]!r} was given twice in this flow")

    def set_dependencies(
        self,
        task: Any,
        upstream_tasks: Iterable[Any] | None = None,
        downstream_tasks: Iterable[Any] | None = None,
        keyword_tasks: Mapping[str, Any] | None = None,
        *,
        mapped: bool = False,
    ) -> None:
        """Set what comes before and after a task, and its inputs (tasks, constants, collections of both)."""
        task = self.add_task(as_task(task, self))
        for item in upstream_tasks or ():
            given = Input.of(item, map_call=mapped)
            self.add_edge(as_task(given.value, self), task, mapped=given.mapped, flattened=given.flattened)
        for item in downstream_tasks or ():
            given = Input.of(item, map_call=mapped)
            self.add_edge(task, as_task(given.value, self), mapped=given.mapped, flattened=given.flattened)
        for key, item in (keyword_tasks or {}).items():
            given = Input.of(item, map_call=mapped)
            if given.mapped or given.flattened or holds_task(given.value):
                self.add_edge(as_task(given.value, self), task, key=key, mapped=given.mapped, flattened=given.flattened)
            else:
                self._set_constant(task, key, given.value)

    def _set_constant(self, task: Task, key: str, value: Any) -> None:
        self._check_argument(task, key)
        if any(edge.key == key for edge in self._graph.edges_to(task)):
            raise FlowError(Code.BAD_FLOW, f"the argument {key!r} of task {self.slugs[task]!r} was given twice in this flow")
        self.constants.setdefault(task, {})[key] = value
        self._known_plan = None

    def chain(self, *tasks: Task) -> list[Edge]:
        """Let each of the tasks follow the one before it."""
        return [self.add_edge(before, after) for before, after in pairwise(tasks)]

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

    # --- looking ------------------------------------------------------------------------------------------------------------------

    @property
    def slugs(self) -> dict[Task, str]:
        """Each task's slug, in the order in which the tasks were added."""
        return self._graph.slugs

    @property
    def tasks(self) -> set[Task]:
        """The tasks."""
        return set(self._graph.slugs)

    @property
    def edges(self) -> set[Edge]:
        """The edges."""
        return set(self._graph.edges)

    def edges_to(self, task: Task) -> set[Edge]:
        """Edges that end at `task`."""
        return set(self._graph.edges_to(task))

    def edges_from(self, task: Task) -> set[Edge]:
        """Edges that begin at `task`."""
        return set(self._graph.edges_from(task))

    def upstream_tasks(self, task: Task) -> set[Task]:
        """Tasks directly before `task`."""
        return {edge.upstream_task for edge in self._graph.edges_to(task)}

    def downstream_tasks(self, task: Task) -> set[Task]:
        """Tasks directly after `task`."""
        return {edge.downstream_task for edge in self._graph.edges_from(task)}

    def root_tasks(self) -> set[Task]:
        """Tasks with nothing before them."""
        return {task for task in self.slugs if not self._graph.edges_to(task)}

    def terminal_tasks(self) -> set[Task]:
        """Tasks with nothing after them."""
        return {task for task in self.slugs if not self._graph.edges_from(task)}

    def sorted_tasks(self) -> tuple[Task, ...]:
        """All tasks, each after its upstream ones.

        Raises:
            FlowError: FLOW_CYCLE, naming the cycle.
        """
        return tuple(self._graph.order())

    def parameters(self) -> set[Parameter]:
        """The parameters."""
        return {task for task in self.slugs if isinstance(task, Parameter)}

    def get_tasks(
        self,
        name: str | None = None,
        slug: str | None = None,
        tags: Iterable[str] | None = None,
        task_type: type[Task] | None = None,
    ) -> list[Task]:
        """Tasks that fit everything that is given, in the order in which they were added."""
        wanted = set(tags or ())
        return [
            task
            for task, own in self.slugs.items()
            if (name is None or task.name == name)
            and (slug is None or own == slug)
            and wanted <= task.tags
            and (task_type is None or isinstance(task, task_type))
        ]

    def reference_tasks(self) -> set[Task]:
        """Tasks that decide the final state."""
        return set(self._reference_tasks) or self.terminal_tasks()

    def set_reference_tasks(self, tasks: Iterable[Task]) -> None:
        """Let these tasks decide the final state."""
        chosen = list(tasks)
        for task in chosen:
            if task not in self.slugs:
                raise FlowError(Code.UNKNOWN_TASK, f"{task!r} cannot be a reference task: it is not part of flow {self.name!r}")
        self._reference_tasks = chosen
        self._known_plan = None

    def validate(self) -> None:
        """Check the graph.

        Raises:
            FlowError: If tasks wait for each other in a cycle, or an input that a task needs is not given.
        """
        for task in self.sorted_tasks():
            given = {edge.key for edge in self._graph.edges_to(task)} | set(self.constants.get(task, ()))
            missing = [name for name, spec in task.inputs().items() if spec["required"] and name not in given]
            if missing:
                names = ", ".join(missing)
                raise FlowError(Code.BAD_FLOW, f"task {self.slugs[task]!r} lacks its argument {names}; pass a task or a constant")

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
