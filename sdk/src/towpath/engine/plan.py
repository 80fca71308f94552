"""The plan of a flow: its graph as arrays, made once and shared by all runs of the flow.

Nodes are numbers in topological order. An edge waits for one of two events of its upstream node: *opened* (a mapped node knows how many
children it has) is enough for a mapped edge from a mapped node, since child i then follows child i; everything else waits for *complete*
(the node and all its children have ended).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from towpath.core.edges import Edge
    from towpath.core.flow import Flow
    from towpath.core.task import Task


@dataclass(slots=True)
class InEdge:
    """One edge into a node.

    Attributes:
        up: Number of the upstream node.
        key: The argument it feeds, if any.
        mapped: Whether each child takes one element.
        flattened: Whether the upstream value is joined into one list first.
        follows: Whether child i follows child i of the upstream node.
        edge: The author's edge, for triggers.
    """

    up: int
    key: str | None
    mapped: bool
    flattened: bool
    follows: bool
    edge: Edge


@dataclass(slots=True)
class Node:
    """One task of the plan.

    Attributes:
        index: Its number.
        task: The author's task.
        slug: Its slug.
        mapped: Whether it spreads over its inputs.
        recalls: Whether a result of an earlier run may stand for it.
        constants: Arguments that are the same in every run.
        edges: Edges into it.
        followers: Mapped nodes whose child i follows its child i.
        waiters: Nodes that wait until it is complete; once for each edge.
    """

    index: int
    task: Task
    slug: str
    mapped: bool
    recalls: bool
    constants: dict[str, Any]
    edges: list[InEdge]
    followers: list[int] = field(default_factory=list)
    waiters: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Plan:
    """All nodes, and those that decide the final state."""

    nodes: list[Node]
    terminal: list[int]
    reference: list[int]


def plan_of(flow: Flow) -> Plan:
    """The plan of `flow`, made anew only after the flow has changed.

    Raises:
        FlowError: If the flow is not valid.
    """
    if flow._known_plan is None:
        flow.validate()
        flow._known_plan = _compile(flow)
    return flow._known_plan


def _compile(flow: Flow) -> Plan:
    order = flow.sorted_tasks()
    number = {task: index for index, task in enumerate(order)}
    nodes: list[Node] = []
    for index, task in enumerate(order):
        into = flow._graph.edges_to(task)
        recalls = task.cache_for is not None or task.target is not None
        node = Node(index, task, flow.slugs[task], any(edge.mapped for edge in into), recalls, flow.constants.get(task, {}), [])
        for edge in into:
            up = nodes[number[edge.upstream_task]]
            follows = edge.mapped and not edge.flattened and up.mapped
            node.edges.append(InEdge(up.index, edge.key, edge.mapped, edge.flattened, follows, edge))
            (up.followers if follows else up.waiters).append(index)
        nodes.append(node)
    terminal = [node.index for node in nodes if not node.followers and not node.waiters]
    reference = [number[task] for task in flow.reference_tasks()]
    return Plan(nodes, terminal, sorted(reference))
