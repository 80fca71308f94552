"""The bare graph of a flow: tasks with slugs, edges between them, order and cycles. It knows nothing of runs or of JSON."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from towpath.core.edges import Edge
from towpath.errors import FlowError
from towpath_proto.errors import Code

if TYPE_CHECKING:
    from towpath.core.task import Task


class Graph:
    """Tasks and edges in the order in which they were added.

    Attributes:
        slugs: Each task's slug, unique in the graph.
        edges: The edges, as keys.
    """

    def __init__(self) -> None:
        self.slugs: dict[Task, str] = {}
        self.edges: dict[Edge, None] = {}
        self._by_slug: dict[str, Task] = {}
        self._counts: dict[str, int] = {}
        self._into: dict[Task, list[Edge]] = {}
        self._out: dict[Task, list[Edge]] = {}

    def add_task(self, task: Task) -> None:
        """Add a task once; its slug is the author's, else `name[-tags]-N`."""
        if task not in self.slugs:
            self._place(task, None)

    def _place(self, task: Task, kept: str | None) -> None:
        slug = kept or task.slug or self._new_slug(task)
        other = self._by_slug.get(slug)
        if other is not None:
            raise FlowError(
                Code.DUPLICATE_SLUG,
                f"two tasks of one flow have the slug {slug!r} ({other!r} and {task!r}); give one of them another slug or name",
                slug=slug,
            )
        self.slugs[task] = slug
        self._by_slug[slug] = task
        self._into[task] = []
        self._out[task] = []

    def _new_slug(self, task: Task) -> str:
        base = "-".join([task.name, *sorted(task.tags)])
        number = self._counts.get(base, 0) + 1
        while f"{base}-{number}" in self._by_slug:
            number += 1
        self._counts[base] = number
        return f"{base}-{number}"

    def add_edge(self, edge: Edge) -> Edge:
        """Add an edge once; its tasks must be in the graph."""
        if edge in self.edges:
            return edge
        if edge.key is not None and any(edge.key == other.key for other in self._into[edge.downstream_task]):
            slug = self.slugs[edge.downstream_task]
            raise FlowError(Code.BAD_FLOW, f"the argument {edge.key!r} of task {slug!r} was given twice in this flow")
        self.edges[edge] = None
        self._into[edge.downstream_task].append(edge)
        self._out[edge.upstream_task].append(edge)
        return edge

    def edges_to(self, task: Task) -> list[Edge]:
        """Edges that end at `task`."""
        return self._into[self._known(task)]

    def edges_from(self, task: Task) -> list[Edge]:
        """Edges that begin at `task`."""
        return self._out[self._known(task)]

    def _known(self, task: Task) -> Task:
        if task not in self.slugs:
            raise FlowError(Code.UNKNOWN_TASK, f"{task!r} is not part of this flow; add it with flow.add_task or call it inside the flow")
        return task

    def replaced(self, old: Task, new: Task) -> Graph:
        """A graph like this one with `new` in the place of `old`; the other tasks keep their slugs."""
        self._known(old)
        graph = Graph()
        graph._counts = dict(self._counts)
        fresh = new.slug or self._new_slug(new)
        for task, slug in self.slugs.items():
            graph._place(new if task is old else task, fresh if task is old else slug)
        for edge in self.edges:
            ends = [new if task is old else task for task in (edge.upstream_task, edge.downstream_task)]
            graph.add_edge(dataclasses.replace(edge, upstream_task=ends[0], downstream_task=ends[1]))
        return graph

    def by_slug(self, slug: str) -> Task | None:
        """The task of that slug."""
        return self._by_slug.get(slug)

    def order(self) -> list[Task]:
        """All tasks, each after its upstream ones; otherwise in the order in which they were added.

        Raises:
            FlowError: FLOW_CYCLE, naming the cycle.
        """
        missing = {task: len(edges) for task, edges in self._into.items()}
        ready = [task for task, count in missing.items() if count == 0]
        for task in ready:  # grows while it is walked
            for edge in self._out[task]:
                missing[edge.downstream_task] -= 1
                if missing[edge.downstream_task] == 0:
                    ready.append(edge.downstream_task)
        if len(ready) < len(self.slugs):
            done = set(ready)
            cycle = self._find_cycle([task for task in self.slugs if task not in done])
            path = " -> ".join(self.slugs[task] for task in cycle)
            raise FlowError(Code.FLOW_CYCLE, f"tasks wait for each other in a cycle: {path}; remove one of these edges", cycle=path)
        return ready

    def _find_cycle(self, stuck: list[Task]) -> list[Task]:
        # Every stuck task has a stuck upstream one, so walking upstream must come round.
        left = set(stuck)
        trail: list[Task] = []
        seen: dict[Task, int] = {}
        task = stuck[0]
        while task not in seen:
            seen[task] = len(trail)
            trail.append(task)
            task = next(edge.upstream_task for edge in self._into[task] if edge.upstream_task in left)
        return [task, *reversed(trail[seen[task] :])]
