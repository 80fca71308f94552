"""The graph of a flow as its author sees it: building it up, changing it, asking about it. Nothing here runs, sends or serialises."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Self

from towpath._context import Context, context
from towpath.core.builtin import as_task, holds_task
from towpath.core.edges import Edge, Input
from towpath.core.graph import Graph
from towpath.core.parameter import Parameter
from towpath.core.task import Task
from towpath.errors import FlowError
from towpath_proto.errors import Code

if TYPE_CHECKING:
    from towpath.engine.plan import Plan


class FlowGraph:
    """Tasks, edges and constants under a name; what `Flow` is made on.

    Args:
        name: Its name within a project.
        validate: Whether to check for cycles at each edge.

    Attributes:
        constants: Inputs of tasks that are no tasks, by task and argument.
    """

    def __init__(self, name: str, *, validate: bool = False) -> None:
        if not name:
            raise FlowError(Code.BAD_FLOW, "a flow needs a name")
        self.name = name
        self.constants: dict[Task, dict[str, Any]] = {}
        self._graph = Graph()
        self._validates = validate
        self._entered: list[AbstractContextManager[Context]] = []
        self._reference_tasks: list[Task] = []
        self._known_plan: Plan | None = None

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
            block = context.get("block")
            if block is not None:
                block.add(task, self)
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

    def replace(self, old: Task, new: Task) -> None:
        """Put `new` in the place of `old`: it gets its edges, its constants and its say in the final state.

        Raises:
            FlowError: If `old` is not part of the flow, or `new` has no such argument.
        """
        if new in self.slugs:
            raise FlowError(Code.BAD_FLOW, f"{new!r} is part of the flow already; replace {old!r} by another task")
        given = [edge.key for edge in self._graph.edges_to(old) if edge.key is not None]
        for key in [*given, *self.constants.get(old, ())]:
            self._check_argument(new, key)
        self._graph = self._graph.replaced(old, new)
        self._known_plan = None
        if old in self.constants:
            self.constants[new] = self.constants.pop(old)
        self._reference_tasks = [new if task is old else task for task in self._reference_tasks]

    def update(self, other: FlowGraph, *, merge_parameters: bool = False, validate: bool | None = None) -> None:
        """Add the tasks, edges and constants of another flow.

        Args:
            other: The other flow; it stays as it is.
            merge_parameters: Whether a parameter of the other flow becomes this flow's own of the same name; else two such are refused.
            validate: As for the flow.
        """
        mine = {p.name: p for p in self.parameters()} if merge_parameters else {}

        def own(task: Task) -> Task:
            return mine.get(task.name, task) if isinstance(task, Parameter) else task

        for task in other.slugs:
            self.add_task(own(task))
        for edge in other._graph.edges:
            ends = own(edge.upstream_task), own(edge.downstream_task)
            self.add_edge(*ends, key=edge.key, mapped=edge.mapped, flattened=edge.flattened, validate=False)
        for task, values in other.constants.items():
            for key, value in values.items():
                self._set_constant(task, key, value)
        if self._validates if validate is None else validate:
            self.validate()

    def chain(self, *tasks: Task) -> list[Edge]:
        """Let each of the tasks follow the one before it."""
        return [self.add_edge(before, after) for before, after in pairwise(tasks)]

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

    def all_upstream_edges(self) -> dict[Task, set[Edge]]:
        """The edges that end at each task."""
        return {task: self.edges_to(task) for task in self.slugs}

    def all_downstream_edges(self) -> dict[Task, set[Edge]]:
        """The edges that begin at each task."""
        return {task: self.edges_from(task) for task in self.slugs}

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
        """Tasks that decide the final state: the chosen ones, else those with nothing after them.

        What only cleans up decides nothing; in its place those before it count.
        """
        if self._reference_tasks:
            return set(self._reference_tasks)
        found: set[Task] = set()
        ends = list(self.terminal_tasks())
        for task in ends:  # grows while it is walked
            if not task.cleans_up:
                found.add(task)
                continue
            ends += [before for before in self.upstream_tasks(task) if all(after.cleans_up for after in self.downstream_tasks(before))]
        return found

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
