"""Mapping: which children there are, what each takes, and what a failure touches."""

from __future__ import annotations

from typing import Any

import pytest

from towpath import Flow, flatten, mapped, task, unmapped
from towpath.engine import signals
from towpath.engine.state import Mapped, State
from towpath.executors import LocalDaskExecutor, LocalExecutor
from towpath.triggers import all_finished, any_successful

FAILS, SKIPS = 13, 14
"""Inputs on which `inc` fails or skips."""


@task
def give(x: Any) -> Any:
    return x


@task
def inc(x: int) -> int:
    if x == FAILS:
        raise ValueError("unlucky")
    if x == SKIPS:
        raise signals.SKIP("not this one")
    return x + 1


@task
def add(x: int, y: int = 100) -> int:
    return x + y


@task
def twice(x: int) -> list[int]:
    if x == FAILS:
        raise ValueError("unlucky")
    return [x, x]


@task
def total(xs: list[int]) -> int:
    return sum(xs)


@task(trigger=all_finished)
def kinds(xs: list[Any]) -> list[str]:
    return [type(x).__name__ for x in xs]


def shape(state: State) -> Any:
    """A task's outcome: its value or kind; of a mapped one, the list of its children's."""
    if isinstance(state, Mapped):
        return [shape(child) for child in state.map_states if child is not None]
    return state.result if state.kind == "Success" else state.kind


CASES: list[tuple[str, Any, Any]] = [
    ("over a constant", lambda: inc.map([1, 2, 3]), [2, 3, 4]),
    ("over a tuple", lambda: inc.map((1, 2)), [2, 3]),
    ("over a result", lambda: inc.map(give([1, 2, 3])), [2, 3, 4]),
    ("over a list of tasks", lambda: inc.map([give(1), give(2)]), [2, 3]),
    ("over nothing", lambda: inc.map(give([])), []),
    ("reduce of nothing", lambda: total(inc.map(give([]))), 0),
    ("over one of nothing", lambda: inc.map(inc.map(give([]))), []),
    ("two lists go in step", lambda: add.map([1, 2], [10, 20]), [11, 22]),
    ("the shorter list decides", lambda: add.map(give([1, 2, 3]), [10, 20]), [11, 22]),
    ("unmapped goes whole", lambda: add.map([1, 2], unmapped(give(10))), [11, 12]),
    ("unmapped constant", lambda: add.map([1, 2], y=unmapped(10)), [11, 12]),
    ("a default stays", lambda: add.map([1, 2]), [101, 102]),
    ("mapped in a plain call", lambda: add(mapped(give([1, 2])), give(10)), [11, 12]),
    ("mapped on mapped", lambda: inc.map(inc.map([1, 2, 3])), [3, 4, 5]),
    ("mapped on mapped and a list", lambda: add.map(inc.map([1, 2, 3]), [10, 20]), [12, 23]),
    ("mapped on two mapped", lambda: add.map(inc.map([1, 2]), inc.map([10, 20])), [13, 24]),
    ("reduce", lambda: total(inc.map([1, 2, 3])), 9),
    ("reduce into a map", lambda: add.map([1, 2], unmapped(total(inc.map([1, 2])))), [6, 7]),
    ("the whole of a map to each child", lambda: total.map([[1], [2]], upstream_tasks=[unmapped(inc.map([1, 2]))]), [1, 2]),
    ("flatten a result", lambda: inc.map(flatten(give([[1, 2], [3]]))), [2, 3, 4]),
    ("flatten a constant", lambda: inc.map(flatten([[1, 2], [3]])), [2, 3, 4]),
    ("flatten children", lambda: inc.map(flatten(twice.map([1, 2]))), [2, 2, 3, 3]),
    ("flatten into a plain task", lambda: total(flatten(twice.map([1, 2]))), 6),
    ("flatten a plain result", lambda: total(flatten(give([[1], [2, 3]]))), 6),
    ("flatten, map, reduce", lambda: total(inc.map(flatten(twice.map([1, 2])))), 10),
    ("map index of a string", lambda: give.map("ab"), ["a", "b"]),
    # failure and skips stay in their branch
    ("a child fails alone", lambda: inc.map([1, FAILS, 3]), [2, "Failed", 4]),
    ("its branch only", lambda: inc.map(inc.map([1, FAILS, 3])), [3, "TriggerFailed", 5]),
    ("reduce needs all", lambda: total(inc.map([1, FAILS])), "TriggerFailed"),
    ("reduce of any outcome", lambda: kinds(inc.map([1, FAILS])), ["int", "ValueError"]),
    ("a child skips alone", lambda: inc.map(inc.map([1, SKIPS])), [3, "Skipped"]),
    ("reduce over a skip", lambda: total(inc.map([1, SKIPS])), "Skipped"),
    ("a failed list", lambda: inc.map(inc(FAILS)), "TriggerFailed"),
    ("a skipped list", lambda: inc.map(inc(SKIPS)), "Skipped"),
    ("mapped on a failed map", lambda: inc.map(inc.map(inc(FAILS))), "TriggerFailed"),
    ("reduce of a failed map", lambda: total(inc.map(inc(FAILS))), "TriggerFailed"),
    ("one of two lists failed", lambda: add.map([1, 2], inc(FAILS)), ["TriggerFailed", "TriggerFailed"]),
    ("a failed child flattened", lambda: inc.map(flatten(twice.map([1, FAILS, 3]))), [2, 2, "TriggerFailed", 4, 4]),
    ("an unmapped failure", lambda: add.map([1, 2], unmapped(inc(FAILS))), ["TriggerFailed", "TriggerFailed"]),
    ("not a list", lambda: inc.map(give(5)), "Failed"),
    ("a set has no order", lambda: inc.map(give({1, 2})), "Failed"),
    ("a dict has no order", lambda: inc.map(give({"a": 1})), "Failed"),
    ("not a list of lists", lambda: inc.map(flatten(give([1, 2]))), "Failed"),
]


@pytest.mark.parametrize("executor", [LocalExecutor(), LocalDaskExecutor(num_workers=3)], ids=["local", "threads"])
@pytest.mark.parametrize(("build", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_mapping(build: Any, expected: Any, executor: Any) -> None:
    """Each way of mapping gives the children and values of the table, one after the other and in threads."""
    with Flow("f") as flow:
        made = build()
    assert shape(flow.run(executor=executor).result[made]) == expected


def test_maps_go_depth_first() -> None:
    """With one worker child 0 goes through the whole chain before child 1 begins."""
    seen: list[str] = []

    @task
    def a(x: int) -> int:
        seen.append(f"a{x}")
        return x

    @task
    def b(x: int) -> int:
        seen.append(f"b{x}")
        return x

    with Flow("f") as flow:
        b.map(a.map([0, 1, 2]))
    flow.run()
    assert seen == ["a0", "b0", "a1", "b1", "a2", "b2"]


def test_children_know_their_index_and_trigger_by_their_own_branch() -> None:
    """Each child has its map_index, and a mapped task's trigger looks at the child's own upstream child."""
    from towpath import context

    @task(trigger=any_successful)
    def where(x: Any) -> Any:
        return context.map_index

    with Flow("f") as flow:
        made = where.map(inc.map([1, FAILS, 3]))
    assert shape(flow.run().result[made]) == [0, "TriggerFailed", 2]


def test_the_error_of_an_unmappable_result_names_its_task() -> None:
    """The message says which task's result cannot be mapped over, and what to do."""
    with Flow("f") as flow:
        made = inc.map(give(5))
    message = flow.run().result[made].message
    assert message == "the result of 'give-1' cannot be mapped over: int is not a sequence; let it return a list"
