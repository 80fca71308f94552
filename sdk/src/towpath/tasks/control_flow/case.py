"""`case`: a `with` block whose tasks run only if a value is the one that was asked for; else they are skipped."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from towpath.core.blocks import Block
from towpath.core.task import Task
from towpath.tasks.control_flow.conditional import CompareValue


class case:  # noqa: N801 - part of Prefect 1's surface
    """Run the tasks of a `with` block only if the value of `task` equals `value`.

    The tasks in the block that follow no other task of the block are skipped where it does not, and what follows them is skipped with them;
    `merge` takes the branch that has run. Blocks nest.

    Args:
        task: The task whose value is compared.
        value: A constant.
    """

    def __init__(self, task: Task, value: Any) -> None:
        if not isinstance(task, Task):
            raise TypeError(f"case compares the value of a task; got {task!r}")
        if isinstance(value, Task):
            raise TypeError(f"case compares with a constant; got the task {value.name!r}; use case(a.is_equal(b), True)")
        self.task = task
        self.value = value
        self._block = Block()

    def __enter__(self) -> Self:
        self._block.open(f"case({self.task.name!r}, {self.value!r})")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._block.close()
        first = self._block.first()
        if kind is not None or not first:
            return
        compared = CompareValue(self.value).bind(self.task, flow=self._block.flow)
        for task in first:
            self._block.flow.set_dependencies(task, upstream_tasks=[compared])
