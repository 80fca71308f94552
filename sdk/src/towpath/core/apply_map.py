"""`apply_map`: a function that calls several tasks, applied to each element; all of its tasks become mapped."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from towpath._context import context
from towpath.core.builtin import as_task
from towpath.core.edges import Input
from towpath.core.flow_graph import FlowGraph
from towpath.core.task import Task, current_flow
from towpath.errors import FlowError
from towpath_proto.errors import Code


def apply_map(func: Callable[..., Any], *args: Any, flow: FlowGraph | None = None, **kwargs: Any) -> Any:
    """Call `func` once, while the flow is written, so that the tasks it calls run for each element of its arguments.

    Args:
        func: Calls tasks on its arguments; may use `case`, `switch` and `merge`; may not call `.map`.
        *args: Tasks and constants to map over; `unmapped(v)` goes whole to each child, `flatten(xss)` joins lists first.
        flow: The flow; default the one whose `with` block this is.
        **kwargs: Further arguments.

    Returns:
        What `func` returned: tasks that are mapped.

    Raises:
        FlowError: If `func` maps by itself, or nothing is mapped over.
    """
    flow = flow or current_flow("apply_map was called")
    inputs: dict[Task, Input] = {}

    def taken(argument: Any) -> Any:
        given = Input.of(argument, map_call=True)
        if not given.mapped and not given.flattened and not isinstance(given.value, Task):
            return given.value
        task = flow.add_task(as_task(given.value, flow))
        inputs[task] = given
        return task

    taken_args = [taken(argument) for argument in args]
    taken_kwargs = {name: taken(argument) for name, argument in kwargs.items()}
    spread = [task for task, given in inputs.items() if given.mapped]
    if not spread:
        raise FlowError(Code.BAD_FLOW, "apply_map has nothing to map over: every argument is unmapped")
    inner = FlowGraph("apply_map")
    with context(block=None), inner:
        made = func(*taken_args, **taken_kwargs)
    _move(inner, flow, inputs, spread)
    return made


def _move(inner: FlowGraph, flow: FlowGraph, inputs: dict[Task, Input], spread: list[Task]) -> None:
    """Add the inner flow's tasks to the outer one, mapped."""
    outside = {task for task in inner.slugs if task in flow.slugs}
    new = [task for task in inner.slugs if task not in outside]
    for edge in inner._graph.edges:
        if edge.mapped or edge.flattened:
            raise FlowError(Code.BAD_FLOW, f"task {edge.downstream_task.name!r} is mapped inside apply_map, which maps all tasks by itself")
    for task in new:
        flow.add_task(task)
    for edge in inner._graph.edges:
        given = inputs.get(edge.upstream_task)
        mapped = given.mapped if given is not None else edge.upstream_task not in outside
        flattened = given is not None and given.flattened
        flow.add_edge(edge.upstream_task, edge.downstream_task, key=edge.key, mapped=mapped, flattened=flattened)
    for task, values in inner.constants.items():
        for key, value in values.items():
            flow._set_constant(task, key, value)
    for task in new:
        if not any(edge.mapped for edge in flow._graph.edges_to(task)):
            # it takes no element, but runs once for each all the same
            flow.add_edge(spread[0], task, mapped=True, flattened=inputs[spread[0]].flattened)
