"""Tasks: their options, their signatures, their operators."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from towpath import Flow, Parameter, Task, task
from towpath.errors import FlowError


def value_of(build: Any) -> Any:
    """The result of the task that `build` makes inside a flow."""
    with Flow("f") as flow:
        made = build()
    state = flow.run()
    assert state.is_successful(), state.result[made].message
    return state.result[made].result


@task
def give(x: Any) -> Any:
    return x


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (lambda: give(7) + 2, 9),
        (lambda: 7 + give(2), 9),
        (lambda: give(7) - 2, 5),
        (lambda: 7 - give(2), 5),
        (lambda: give(7) * give(2), 14),
        (lambda: 2 * give(7), 14),
        (lambda: give(7) / 2, 3.5),
        (lambda: 7 / give(2), 3.5),
        (lambda: give(7) // 2, 3),
        (lambda: 7 // give(2), 3),
        (lambda: give(7) % 2, 1),
        (lambda: 7 % give(2), 1),
        (lambda: give(7) ** 2, 49),
        (lambda: 2 ** give(3), 8),
        (lambda: give(7) > 2, True),
        (lambda: give(7) >= 7, True),
        (lambda: give(7) < 2, False),
        (lambda: give(7) <= 7, True),
        (lambda: give(0) & 5, 0),
        (lambda: 5 & give(0), 0),
        (lambda: give(0) | 5, 5),
        (lambda: 0 | give(5), 5),
        (lambda: give(0).or_(5), 5),
        (lambda: give(0).not_(), True),
        (lambda: give(3).is_equal(3), True),
        (lambda: give(3).is_not_equal(3), False),
        (lambda: give([4, 5])[1], 5),
        (lambda: give({"a": 1})[give("a")], 1),
        (lambda: give([1, 2, 3])[0:2], [1, 2]),
        (lambda: give({"a": [give(1), 2], "b": (3, give(4)), "c": {give(5)}}), {"a": [1, 2], "b": (3, 4), "c": {5}}),
    ],
)
def test_operators_and_collections(build: Any, expected: Any) -> None:
    """Operators, indexing and collections on tasks compute what they do on values."""
    assert value_of(build) == expected


def test_equality_is_identity() -> None:
    """`==` compares tasks as objects, since they are keys of dicts."""
    a, b = Task("a"), Task("a")
    assert (a == b) is False
    assert len({a, b}) == 2


def test_nout_lets_a_task_be_unpacked() -> None:
    """With nout=N a call unpacks into N tasks; without it the error names the option."""

    @task(nout=2)
    def pair() -> tuple[int, int]:
        return 1, 2

    with Flow("f") as flow:
        a, b = pair()
        with pytest.raises(TypeError, match="nout"):
            _c, _d = give(1)
    state = flow.run()
    assert (state.result[a].result, state.result[b].result) == (1, 2)


def test_class_tasks_run() -> None:
    """A subclass with `run` is a task like a decorated function, with attributes of its own."""

    class Scale(Task):
        def __init__(self, factor: int, **options: Any) -> None:
            self.factor = factor
            super().__init__(**options)

        def run(self, x: int) -> int:
            return self.factor * x

    assert value_of(lambda: Scale(3)(5)) == 15
    assert Scale(3).name == "Scale"


def test_the_decorator_keeps_the_function_usable() -> None:
    """The function can still be called directly, as `task.run`, and its docstring stays."""

    @task(name="other", tags=["t"])
    def f(x: int, *, y: int = 2) -> int:
        """Doc."""
        return x + y

    assert f.run(1) == 3
    assert (f.name, f.__doc__, f.tags) == ("other", "Doc.", {"t"})
    assert f.inputs() == {"x": {"required": True, "type": "int"}, "y": {"required": False, "type": "int"}}
    assert f.outputs() == "int"


def test_keyword_arguments_of_run_are_inputs() -> None:
    """A task with **kwargs takes any named inputs."""

    @task
    def collect(**parts: int) -> dict[str, int]:
        return parts

    assert value_of(lambda: collect(a=1, b=give(2))) == {"a": 1, "b": 2}


def positional_only(x: int, /) -> int:
    return x


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: task(lambda *xs: xs), r"takes \*xs"),
        (lambda: task(lambda flow: flow), "reserved"),
        (lambda: task(positional_only), "positional-only"),
        (lambda: Task(max_retries=1), "retry_delay"),
        (lambda: Task(retry_delay=1), "max_retries"),
        (lambda: Task(tags="abc"), "list of strings"),
        (lambda: give.copy(nothing=1), "no attribute 'nothing'"),
    ],
)
def test_bad_options_are_explained(make: Any, words: str) -> None:
    """Options that cannot work are refused when the task is made."""
    with pytest.raises(FlowError, match=words):
        make()


def test_seconds_and_timedeltas_are_the_same() -> None:
    """Spans of time may be given as seconds or as timedeltas."""
    step = Task(max_retries=1, retry_delay=2, timeout=timedelta(seconds=3))
    assert (step.retry_delay, step.timeout) == (timedelta(seconds=2), timedelta(seconds=3))


def test_parameters_have_values_defaults_and_errors() -> None:
    """A run gives parameters by mapping or keyword; missing and unknown ones are refused by name."""
    with Flow("f") as flow:
        p, q = Parameter("p"), Parameter("q", default=None)
        made = give([p, q])
    assert flow.run({"p": 1}).result[made].result == [1, None]
    assert flow.run(p=1, q=2).result[made].result == [1, 2]
    with pytest.raises(FlowError, match="needs a value for its parameter p"):
        flow.run()
    with pytest.raises(FlowError, match="no parameter z"):
        flow.run(p=1, z=1)
    assert (p.required, q.required) == (True, False)
