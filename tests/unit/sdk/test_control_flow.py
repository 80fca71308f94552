"""Branches: case, switch, ifelse, merge, FilterTask, and apply_map over all of them."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from towpath import Flow, Parameter, Task, apply_map, case, flatten, task, unmapped
from towpath.engine.state import Skipped, State, Success
from towpath.errors import Code, FlowError
from towpath.tasks.control_flow import FilterTask, ifelse, merge, switch


@task
def inc(x: int) -> int:
    return x + 1


@task
def neg(x: int) -> int:
    return -x


@task
def is_even(x: int) -> bool:
    return x % 2 == 0


@task
def fail(x: Any = None) -> None:
    raise ValueError(x)


def kinds(state: State, *tasks: Task) -> list[str]:
    return [state.result[t].kind for t in tasks]


@pytest.mark.parametrize(("value", "outcome"), [("a", ["Success", "Success", "Skipped"]), ("b", ["Skipped", "Skipped", "Success"])])
def test_case_runs_one_branch(value: str, outcome: list[str]) -> None:
    """Only the tasks of the block whose value was met run; those that follow a skipped one are skipped with it."""
    with Flow("f") as flow:
        chosen = Parameter("chosen")
        with case(chosen, "a"):
            first = inc(1)
            second = inc(first)
        with case(chosen, "b"):
            other = neg(1)
        joined = merge(second, other)
    state = flow.run(chosen=value)
    assert state.is_successful()
    assert kinds(state, first, second, other) == outcome
    assert state.result[joined].result == {"a": 3, "b": -1}[value]


def test_the_condition_stands_before_what_comes_first() -> None:
    """A task of the block that follows another of the block gets no edge of its own; nor do parameters and constants."""
    with Flow("f") as flow, case(Parameter("x"), True):
        first = inc(Parameter("y", default=1))
        second = inc.map([first, 2])
    (compared,) = flow.get_tasks(name='CompareValue: "True"')
    assert flow.downstream_tasks(compared) == {first}
    assert flow.get_tasks("y")[0] in flow.root_tasks()
    assert kinds(flow.run(x=False), first, second)[0] == "Skipped"


def test_cases_nest() -> None:
    """The inner branch runs only if both values are met."""
    with Flow("f") as flow:
        x, y = Parameter("x"), Parameter("y")
        with case(x, 1):
            outer = inc(0)
            with case(y, 1):
                inner = inc(1)
    assert kinds(flow.run(x=1, y=1), outer, inner) == ["Success", "Success"]
    assert kinds(flow.run(x=1, y=0), outer, inner) == ["Success", "Skipped"]
    assert kinds(flow.run(x=0, y=1), outer, inner) == ["Skipped", "Skipped"]


def test_an_empty_case_and_one_that_raised_add_nothing() -> None:
    """No comparison is made where there is nothing to skip."""
    with Flow("f") as flow:
        with case(inc(1), 2):
            pass
        with pytest.raises(TypeError), case(inc(2), 2):
            inc(1, 2, 3)
    assert flow.get_tasks(name='CompareValue: "2"') == []
    assert len(flow.tasks) == 2


def test_case_needs_a_task_and_a_constant() -> None:
    """Anything else is refused with what to write."""
    with Flow("f"):
        with pytest.raises(TypeError, match="compares the value of a task"):
            case(1, 1)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="is_equal"):
            case(inc(1), inc(2))
        again = case(inc(1), 1)
        with again, pytest.raises(FlowError, match="open already"):
            again.__enter__()
    with pytest.raises(FlowError, match="outside of a flow"), case(inc, 1):
        pass


def test_switch_runs_the_branch_of_its_value() -> None:
    """One of many; none when no value fits, and what merges them is skipped then."""
    with Flow("f") as flow:
        a, b = inc(1), neg(1)
        switch(Parameter("x"), {"a": a, "b": b})
        joined = merge(a, b)
    assert kinds(flow.run(x="b"), a, b, joined) == ["Skipped", "Success", "Success"]
    assert kinds(flow.run(x="c"), a, b, joined) == ["Skipped", "Skipped", "Skipped"]


@pytest.mark.parametrize(("value", "outcome"), [(2, ["Success", "Skipped"]), ("", ["Skipped", "Success"]), (None, ["Skipped", "Success"])])
def test_ifelse_goes_by_truth(value: Any, outcome: list[str]) -> None:
    """Any value counts as true or false; a branch may be missing."""
    with Flow("f") as flow:
        yes, no, only = inc(1), neg(1), inc(5)
        condition = Parameter("x")
        ifelse(condition, yes, no)
        ifelse(condition, only, None)
    state = flow.run(x=value)
    assert kinds(state, yes, no) == outcome
    assert kinds(state, only) == outcome[:1]


def test_merge_takes_the_first_that_is_not_none() -> None:
    """In the order of the arguments, of ten and more of them; a failed branch fails it."""
    with Flow("f") as flow:
        nothing = [task(lambda: None, name=f"n{i}")() for i in range(10)]
        joined = merge(*nothing, inc(10), inc(11))
        broken = merge(inc(1), fail())
    state = flow.run()
    assert state.result[joined].result == 11
    assert state.result[broken].kind == "TriggerFailed"


def test_a_mapped_switch_goes_element_by_element() -> None:
    """Each child follows its own element of the condition, and so does the merge."""
    with Flow("f") as flow:
        xs = Parameter("xs")
        even, odd = neg.map(xs), inc.map(xs)
        ifelse(is_even.map(xs), even, odd, mapped=True)
        joined = merge(even, odd, mapped=True)
    state = flow.run(xs=[1, 2, 3])
    assert state.result[joined].result == [2, -2, 4]
    assert [s.kind for s in state.result[even].map_states] == ["Skipped", "Success", "Skipped"]


def test_apply_map_with_a_case() -> None:
    """The example of Prefect 1's users: one function, a branch in it, applied to a range."""

    def inc_if_even(x: Any) -> Any:
        with case(is_even(x), True):
            more = inc(x)
        return merge(more, x)

    with Flow("f") as flow:
        result = apply_map(inc_if_even, range(4))
        total = task(lambda xs: sum(xs), name="total")(result)
    state = flow.run()
    assert (state.result[result].result, state.result[total].result) == ([1, 1, 3, 3], 8)


def test_apply_map_takes_what_map_takes() -> None:
    """Unmapped values go whole to each child, lists of lists are flattened, several arguments go in step, several tasks come back."""

    @task
    def add(x: int, y: int, zs: list[int]) -> int:
        return x + y + sum(zs)

    def body(x: Any, y: Any, zs: Any) -> tuple[Task, Task]:
        made = add(x, y, zs)
        return made, neg(made)

    with Flow("f") as flow:
        made, negated = apply_map(body, flatten([[1], [2, 3]]), y=[10, 20, 30], zs=unmapped(Parameter("zs")))
    state = flow.run(zs=[100, 200])
    assert state.result[made].result == [311, 322, 333]
    assert state.result[negated].result == [-311, -322, -333]


def test_apply_map_maps_every_task_of_it() -> None:
    """A task that takes no element runs once for each all the same; a task from outside is taken whole."""
    with Flow("f") as flow:
        outside = task(lambda: [5, 6], name="outside")()

        def body(x: Any) -> list[Task]:
            return [inc(1), task(lambda x, whole: (x, whole), name="pair")(x, outside)]

        constant, pair = apply_map(body, [1, 2])
    state = flow.run()
    assert state.result[constant].result == [2, 2]
    assert state.result[pair].result == [(1, [5, 6]), (2, [5, 6])]


def test_apply_map_refuses_what_it_cannot_do() -> None:
    """A map inside it, and nothing to map over."""
    with Flow("f"):
        with pytest.raises(FlowError, match="maps all tasks by itself"):
            apply_map(lambda x: inc.map(x), [1])
        with pytest.raises(FlowError, match="nothing to map over") as caught:
            apply_map(lambda x: inc(x), unmapped(1))
    assert caught.value.code == Code.BAD_FLOW


def test_filter_task_leaves_out_failures(caplog: pytest.LogCaptureFixture) -> None:
    """It runs after failed and skipped children and keeps the good results; it logs what the author wants."""
    with Flow("f") as flow:
        tried = task(lambda x: 1 / x, name="inverse").map([1, 0, 2])
        kept = FilterTask(log_func=lambda x: f"left out {x!r}")(tried)
        small = FilterTask(filter_func=lambda x: isinstance(x, float) and x < 1)(tried)
    with caplog.at_level(logging.INFO, "towpath"):
        state = flow.run()
    assert (state.result[kept].result, state.result[small].result) == ([1.0, 0.5], [0.5])
    assert "left out ZeroDivisionError" in caplog.text


def test_what_follows_may_decline_to_be_skipped() -> None:
    """`skip_on_upstream_skip=False` runs behind a skipped branch, with None for its value."""
    with Flow("f") as flow:
        with case(Parameter("x"), True):
            branch = inc(1)
        after = task(lambda x: x, name="after", skip_on_upstream_skip=False)(branch)
    state = flow.run(x=False)
    assert isinstance(state.result[branch], Skipped)
    assert type(state.result[after]) is Success
    assert state.result[after].result is None


def test_pipe_is_a_chain_of_calls() -> None:
    """`a.pipe(b).pipe(c)` is `c(b(a))`."""
    with Flow("f") as flow:
        end = inc(1).pipe(neg).pipe(task(lambda x, y: x * y, name="times"), y=3)
    assert flow.run().result[end].result == -6
