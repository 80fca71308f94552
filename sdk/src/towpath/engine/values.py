"""Values and states that a task run finds upstream.

Values of a run that began in another process are read from their results here, and only when something downstream needs them; values of
parameters, collections and operators are computed again. This is the one place where the coordinator may touch storage.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from towpath._context import Frame, current_frame
from towpath.engine.mapping import MapRun, Source, flattened, flattened_children, spread
from towpath.engine.plan import InEdge, Node
from towpath.engine.results import Result, claim
from towpath.engine.state import Pending, Skipped, State, Success
from towpath.errors import MissingResultError, TowpathError


class Values:
    """Reads the coordinator's tables; changes nothing in them but results that were not in memory yet.

    Args:
        nodes: The plan's nodes.
        states: Their states.
        maps: The children of those that are mapped.
        scope: The run's part of the context.
        policy: Where a task's result was written, if it was.
    """

    def __init__(
        self,
        nodes: list[Node],
        states: list[State | None],
        maps: list[MapRun | None],
        scope: Frame,
        policy: Callable[[Node], Result],
    ) -> None:
        self._policy = policy
        self._nodes = nodes
        self._states = states
        self._maps = maps
        self._scope = scope
        self._sources: dict[int, dict[int, Source]] = {}  # of nodes that are being opened

    def upstream(self, node: Node, index: int) -> list[State]:
        """The states upstream of a task run, one for each edge."""
        return [self._upstream(node, position, edge, index) for position, edge in enumerate(node.edges)]

    def _upstream(self, node: Node, position: int, edge: InEdge, index: int) -> State:
        state = self._states[edge.up]
        if index >= 0 and edge.mapped:
            above = self._maps[edge.up] if edge.follows else None
            if above is not None:
                return above.states[index] or Pending()
            if edge.flattened or state is None:
                return self._source(node, position, edge).state_at(index)
        return state or Pending()

    def inputs(self, node: Node, index: int) -> dict[str, Any]:
        """The arguments of a task run.

        Raises:
            TowpathError: If a value cannot be had.
        """
        inputs = dict(node.constants)
        for position, edge in enumerate(node.edges):
            if edge.key is not None:
                inputs[edge.key] = self._input(node, position, edge, index)
            elif self._nodes[edge.up].task.recompute_on_resume:
                self._value(edge.up, -1, self._states[edge.up])  # what is only followed may be a resource that must be open
        return inputs

    def _input(self, node: Node, position: int, edge: InEdge, index: int) -> Any:
        if index >= 0 and edge.mapped:
            above = self._maps[edge.up] if edge.follows else None
            if above is not None:
                return self._value(edge.up, index, above.states[index])
            return self._source(node, position, edge).value_at(index)
        value = self._whole(edge.up)
        return flattened(value, self._nodes[edge.up].slug) if edge.flattened else value

    def _whole(self, number: int) -> Any:
        """The value of a task; of a mapped one, which must be complete, the list of its children's."""
        children = self._maps[number]
        if children is not None:
            if children.values is None:
                children.values = [self._value(number, index, child) for index, child in enumerate(children.states)]
            return list(children.values)  # each task gets a list of its own
        return self._value(number, -1, self._states[number])

    def _value(self, number: int, index: int, state: State | None) -> Any:
        if state is None:
            return None
        result = state._result
        if result.has_value:
            return result.value
        if isinstance(state, Skipped) or not isinstance(state, Success):
            return None
        node = self._nodes[number]
        if node.task.recompute_on_resume and result.location is None:
            state.result = self._computed(node, index)
            return state.result
        try:
            claim(result, self._policy(node))
            return state.load_result().result
        except TowpathError as error:
            name = node.slug if index < 0 else f"{node.slug}[{index}]"
            raise MissingResultError(error.code, f"the result of {name!r} is needed: {error.message}") from error

    def _computed(self, node: Node, index: int) -> Any:
        token = current_frame.set(self._scope)
        try:
            return node.task.run(**self.inputs(node, index))
        finally:
            current_frame.reset(token)

    def width(self, node: Node) -> tuple[int, dict[int, Source]]:
        """How many children a mapped task has, and what they take: as many as its shortest input has elements.

        Raises:
            TowpathError: If an input cannot be mapped over.
        """
        widths: list[int] = []
        for position, edge in enumerate(node.edges):
            if not edge.mapped:
                continue
            above = self._maps[edge.up] if edge.follows else None
            width = len(above.states) if above is not None else self._source(node, position, edge).width
            if width is not None:
                widths.append(width)
        return min(widths), self._sources.pop(node.index, {})

    def _source(self, node: Node, position: int, edge: InEdge) -> Source:
        children = self._maps[node.index]
        known = self._sources.setdefault(node.index, {}) if children is None else children.sources
        source = known.get(position)
        if source is None:
            source = known[position] = self._new_source(edge)
        return source

    def _new_source(self, edge: InEdge) -> Source:
        slug = self._nodes[edge.up].slug
        children = self._maps[edge.up]
        state = self._states[edge.up] or Pending()
        if not edge.flattened:
            return spread(state, self._whole(edge.up), slug)
        if children is not None:
            states = [child or Pending() for child in children.states]
            return flattened_children(states, self._whole(edge.up), slug)
        if not isinstance(state, Success):
            return Source(None, state)
        return Source(flattened(self._whole(edge.up), slug), state)
