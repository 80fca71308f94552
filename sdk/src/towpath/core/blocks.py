"""`with` blocks inside a flow that do something with the tasks added in them: `case`, `resource_manager`."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from towpath._context import Context, context
from towpath.core.builtin import Constant
from towpath.core.parameter import Parameter
from towpath.core.task import Task, current_flow
from towpath.errors import FlowError
from towpath_proto.errors import Code

if TYPE_CHECKING:
    from towpath.core.flow_graph import FlowGraph


class Block:
    """Collects the tasks that are added to a flow while the block is open. Blocks nest: an outer one gets the tasks of inner ones, too."""

    def __init__(self) -> None:
        self.tasks: dict[Task, None] = {}
        self._flow: FlowGraph | None = None
        self._entered: AbstractContextManager[Context] | None = None
        self._outer: Block | None = None

    @property
    def flow(self) -> FlowGraph:
        """The flow that the block is in."""
        assert self._flow is not None
        return self._flow

    def open(self, what: str) -> None:
        """Begin to collect."""
        if self._entered is not None:
            raise FlowError(Code.BAD_FLOW, f"{what} is open already; make a new one for each `with`")
        self._flow = current_flow(f"{what} was entered")
        self._outer = context.get("block")
        self._entered = context(block=self)
        self._entered.__enter__()

    def close(self) -> None:
        """Collect no more."""
        assert self._entered is not None
        self._entered.__exit__(None, None, None)
        self._entered = None

    def add(self, task: Task, flow: FlowGraph) -> None:
        """A task is new in `flow`."""
        if self._outer is not None:
            self._outer.add(task, flow)
        # parameters and constants wait for nothing
        if flow is self._flow and not isinstance(task, Parameter | Constant):
            self.tasks[task] = None

    def first(self) -> Iterable[Task]:
        """The tasks of the block with no other task of the block before them."""
        return [task for task in self.tasks if not self.flow.upstream_tasks(task) & self.tasks.keys()]

    def last(self) -> Iterable[Task]:
        """The tasks of the block with no other task of the block after them."""
        return [task for task in self.tasks if not self.flow.downstream_tasks(task) & self.tasks.keys()]

    def __getstate__(self) -> dict[str, Any]:
        raise TypeError("a block of a flow is a matter of authoring; it cannot be pickled")
