"""`switch`, `ifelse` and `merge`: branches as functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from towpath.core.builtin import as_task
from towpath.core.flow_graph import FlowGraph
from towpath.core.task import Task, current_flow
from towpath.engine import signals
from towpath.engine.triggers import not_all_skipped


class CompareValue(Task):
    """Is skipped, and what follows it with it, unless its input equals `value`.

    Args:
        value: What to compare with.
    """

    def __init__(self, value: Any) -> None:
        super().__init__(f'CompareValue: "{value}"')
        self.value = value

    def run(self, value: Any) -> None:
        """Compare."""
        if value != self.value:
            raise signals.SKIP(f'The value "{value}" is not "{self.value}".')


class AsBool(Task):
    """Python's `bool`."""

    def __init__(self) -> None:
        super().__init__("as_bool")

    def run(self, value: Any) -> bool:
        """Whether `value` is true."""
        return bool(value)


class Merge(Task):
    """Takes the value of the branch that has run; is skipped if none has."""

    def __init__(self, *, checkpoint: bool | None = None) -> None:
        super().__init__("Merge", skip_on_upstream_skip=False, trigger=not_all_skipped, checkpoint=checkpoint)

    def run(self, **branches: Any) -> Any:
        """The first value that is not None, in the order in which the branches were given."""
        ordered = sorted(branches.items(), key=lambda branch: int(branch[0].removeprefix("task_")))
        return next((value for _, value in ordered if value is not None), None)


def switch(condition: Any, cases: Mapping[Any, Any], mapped: bool = False) -> None:
    """Run the task of `cases` whose key equals the value of `condition`; the others are skipped.

    Args:
        condition: A task, or a constant.
        cases: A task for each value.
        mapped: Whether each child of the tasks follows its own element of the condition.
    """
    flow = current_flow("switch was called")
    chosen = as_task(condition, flow)
    for value, branch in cases.items():
        compared = CompareValue(value).bind(chosen, mapped=mapped, flow=flow)
        flow.set_dependencies(branch, upstream_tasks=[compared], mapped=mapped)


def ifelse(condition: Any, true_task: Any, false_task: Any, mapped: bool = False) -> None:
    """Run `true_task` if the value of `condition` is true, else `false_task`; the other one is skipped.

    Args:
        condition: A task, or a constant.
        true_task: A task, or None for nothing.
        false_task: A task, or None for nothing.
        mapped: Whether each child of the tasks follows its own element of the condition.
    """
    flow = current_flow("ifelse was called")
    decided = AsBool().bind(as_task(condition, flow), mapped=mapped, flow=flow)
    cases = {True: true_task, False: false_task}
    switch(decided, {value: branch for value, branch in cases.items() if branch is not None}, mapped=mapped)


def merge(*tasks: Any, flow: FlowGraph | None = None, mapped: bool = False, checkpoint: bool | None = None) -> Task:
    """A task with the value of the branch that has run.

    Args:
        *tasks: The last task of each branch.
        flow: The flow; default the one whose `with` block this is.
        mapped: Whether to merge element by element.
        checkpoint: As for `Task`.
    """
    flow = flow or current_flow("merge was called")
    branches = {f"task_{number}": task for number, task in enumerate(tasks, 1)}
    merged = Merge(checkpoint=checkpoint)
    flow.set_dependencies(merged, keyword_tasks=branches, mapped=mapped)
    return merged
