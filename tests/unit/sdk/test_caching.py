"""Caching: an earlier result stands for a run of a task, as the author's validator says, and only while it can still be read."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from towpath import Flow, Parameter, Task, task, unmapped
from towpath.engine.cache_validators import (
    all_inputs,
    all_parameters,
    duration_only,
    never_use,
    partial_inputs_only,
    partial_parameters_only,
)
from towpath.engine.caching import CacheName, Entry, local_cache
from towpath.engine.results import LocalResult
from towpath.engine.run import FlowRun
from towpath.engine.signals import LOOP
from towpath.engine.state import Cached, State, Success
from towpath.errors import Code, FlowError, TowpathError
from towpath.testing import ManualClock, MemoryReporter

HOUR = timedelta(hours=1)
ran: list[Any] = []


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    ran.clear()
    local_cache.clear()
    yield
    local_cache.clear()


def double(x: int, other: int = 0) -> int:
    ran.append(x)
    return 2 * x


def flow_with(**options: Any) -> tuple[Flow, Task]:
    """A flow of one cached task with two parameters, only one of which it takes."""
    options.setdefault("cache_for", HOUR)
    with Flow("f") as flow:
        made = task(**options)(double)(Parameter("x", default=1), Parameter("y", default=1))
        flow.add_task(Parameter("z", default=1))
    return flow, made


def test_a_result_is_taken_until_it_expires() -> None:
    """The second run takes the value of the first; after `cache_for` the task runs again. Success comes before Cached."""
    flow, made = flow_with()
    clock, reporter = ManualClock(), MemoryReporter()
    assert flow.run(clock=clock, reporter=reporter).result[made].result == 2
    assert reporter.kinds("double-1") == ["Running", "Success", "Cached"]
    clock.time += HOUR - timedelta(seconds=1)
    reporter = MemoryReporter()
    state = flow.run(clock=clock, reporter=reporter).result[made]
    assert (state.result, state.is_cached(), ran) == (2, True, [1])
    assert reporter.kinds("double-1") == ["Cached"]
    clock.time += timedelta(seconds=1)
    flow.run(clock=clock)
    assert ran == [1, 1]


def test_the_state_says_what_it_was_made_of() -> None:
    """Inputs as hashes, parameters as values, and the time when it ends; a state that was taken over keeps its end."""
    flow, made = flow_with()
    clock = ManualClock()
    first = flow.run(clock=clock, parameters={"x": 3}).result[made]
    clock.time += timedelta(minutes=10)
    again = flow.run(clock=clock, parameters={"x": 3}).result[made]
    for state in (first, again):
        assert isinstance(state, Cached)
        assert state.cached_result_expiration == datetime(2026, 1, 1, 1, tzinfo=UTC)
        assert state.cached_parameters == {"x": 3, "y": 1, "z": 1}
        assert state.hashed_inputs is not None
        assert sorted(state.hashed_inputs) == ["other", "x"]


@pytest.mark.parametrize(
    ("validator", "same"),
    [
        (None, {"x", "y", "z"}),
        (duration_only, {"x", "y", "z"}),
        (never_use, set()),
        (all_inputs, {"z"}),
        (all_parameters, set()),
        (partial_inputs_only(validate_on=["other"]), {"x", "z"}),
        (partial_inputs_only(validate_on=["x", "other"]), {"z"}),
        (partial_inputs_only(), {"x", "y", "z"}),
        (partial_parameters_only(validate_on=["z"]), {"x", "y"}),
        (lambda state, inputs, parameters: state.cached_parameters["y"] == parameters["y"] and "x" in inputs, {"x", "z"}),
    ],
)
def test_what_each_validator_looks_at(validator: Any, same: set[str]) -> None:
    """After one run, changing a parameter that the validator does not look at takes the cached result."""
    assert {name for name in ("x", "y", "z") if taken(validator, name)} == same


def taken(validator: Any, changed: str) -> bool:
    local_cache.clear()
    ran.clear()
    flow, _ = flow_with(cache_validator=validator)
    flow.run()
    flow.run(parameters={changed: 9})
    return len(ran) == 1


def test_validators_are_functions_too() -> None:
    """Called as in Prefect 1, they answer for themselves."""
    now = datetime.now(UTC)
    fresh = Cached(hashed_inputs={}, cached_parameters={"p": 1}, cached_result_expiration=now + HOUR)
    old = Cached(hashed_inputs={}, cached_parameters={"p": 1}, cached_result_expiration=now - HOUR)
    assert duration_only(fresh, {}, {})
    assert duration_only(Cached(), {}, {})
    assert not duration_only(old, {}, {})
    assert not never_use(fresh, {}, {})
    assert all_parameters(fresh, {}, {"p": 1})
    assert not all_parameters(fresh, {}, {"p": 2})
    assert not all_inputs(fresh, {"x": 1}, {})


def test_a_map_runs_what_has_changed() -> None:
    """With `all_inputs`, children whose inputs are known take the results, wherever they stand in the list."""
    with Flow("f") as flow:
        made = task(cache_for=HOUR, cache_validator=all_inputs)(double).map(Parameter("xs"), unmapped(5))
    flow.run(xs=[1, 2, 3])
    ran.clear()
    state = flow.run(xs=[3, 4, 1]).result[made]
    assert (state.result, ran) == ([6, 8, 2], [4])


def test_a_map_keeps_to_its_places_where_inputs_do_not_count() -> None:
    """With `duration_only`, child i takes the result of child i, never that of another."""
    with Flow("f") as flow:
        made = task(cache_for=HOUR)(double).map(Parameter("xs"))
    flow.run(xs=[1, 2])
    assert flow.run(xs=[7, 8, 9]).result[made].result == [2, 4, 18]
    assert ran == [1, 2, 9]


def test_equal_children_of_one_map_run_once() -> None:
    """A result that was made in this run counts at once."""
    with Flow("f") as flow:
        made = task(cache_for=HOUR, cache_validator=all_inputs)(double).map([4, 4, 4])
    assert flow.run().result[made].result == [8, 8, 8]
    assert ran == [4]


def test_a_key_is_shared_and_a_slug_is_not() -> None:
    """Two flows share results by `cache_key`; without it each task has its own."""
    for key, times in (("shared", 1), (None, 2)):
        ran.clear()
        for name in ("one", "two"):
            with Flow(name) as flow:
                task(cache_for=HOUR, cache_key=key)(double)(1)
            flow.run()
        assert len(ran) == times


def test_failures_skips_and_loops() -> None:
    """A failure is not kept; of a loop only the end is."""
    turns: list[int] = []

    @task(cache_for=HOUR)
    def loop() -> int:
        turns.append(1)
        if len(turns) < 3:
            raise LOOP(result=len(turns))
        return len(turns)

    @task(cache_for=HOUR)
    def fail() -> None:
        ran.append("fail")
        raise ValueError

    with Flow("f") as flow:
        looped, failed = loop(), fail()
    flow.run()
    state = flow.run()
    assert (state.result[looped].result, state.result[looped].is_cached(), len(turns)) == (3, True, 3)
    assert (state.result[failed].is_failed(), ran) == (True, ["fail", "fail"])


def test_an_input_without_a_hash_is_no_harm(caplog: pytest.LogCaptureFixture) -> None:
    """The task runs each time, and the log names the input."""

    @task(cache_for=HOUR)
    def drain(source: Any) -> list[int]:
        ran.append("drain")
        return list(source)

    with Flow("f") as flow:
        made = drain(task(lambda: (n for n in (1, 2)), name="make")())
    with caplog.at_level(logging.WARNING, "towpath"):
        assert flow.run().result[made].result == [1, 2]
        assert flow.run().result[made].result == [1, 2]
    assert "Task 'drain-1' is not cached: input 'source': a builtins.generator cannot be compared" in caplog.text


def test_a_validator_that_raises_is_no_harm(caplog: pytest.LogCaptureFixture) -> None:
    """The task runs, and the log says why."""
    flow, made = flow_with(cache_validator=lambda state, inputs, parameters: 1 / 0)
    flow.run()
    with caplog.at_level(logging.WARNING, "towpath"):
        assert flow.run().result[made].result == 2
    assert "The cache validator of task 'double-1' failed, so the task runs: ZeroDivisionError" in caplog.text
    assert ran == [1, 1]


class Shelf:
    """A durable cache, as the backend's is: states travel as JSON, and reads are counted."""

    durable = True

    def __init__(self) -> None:
        self.entries: list[tuple[tuple[str | None, str], int, dict[str, Any]]] = []
        self.reads: list[set[str]] = []
        self.away = False

    def read(self, wanted: Mapping[CacheName, timedelta]) -> Mapping[CacheName, Sequence[Entry]]:
        self.reads.append({name.slug for name in wanted})
        if self.away:
            raise TowpathError(Code.UNREACHABLE, "The API is away.")
        known = [(place, index, State.from_dict(data)) for place, index, data in self.entries]
        return {n: [(i, s) for place, i, s in known if place == n.place and isinstance(s, Cached)] for n in wanted}

    def keep(self, name: CacheName, map_index: int, state: Cached) -> None:
        self.entries.append((name.place, map_index, state.to_dict()))


def run_durably(flow: Flow, shelf: Shelf, folder: Path, **parameters: Any) -> State:
    return FlowRun(flow, parameters=parameters, checkpointing=True, default_result=LocalResult(str(folder)), cached_states=shelf).run()


def wide() -> tuple[Flow, Task, Task]:
    with Flow("f") as flow:
        made = task(cache_for=HOUR, cache_validator=all_inputs)(double).map(Parameter("xs"))
        total = task(cache_for=HOUR, cache_validator=all_inputs, name="total")(sum_up)(made)
    return flow, made, total


def sum_up(xs: list[int]) -> int:
    ran.append("total")
    return sum(xs)


def test_one_read_serves_a_whole_run(tmp_path: Path) -> None:
    """A hundred children and the task behind them ask the store once, together."""
    flow, _, total = wide()
    shelf = Shelf()
    run_durably(flow, shelf, tmp_path, xs=list(range(100)))
    ran.clear()
    state = run_durably(flow, shelf, tmp_path, xs=list(range(100)))
    assert shelf.reads == [{"double-1", "total-1"}] * 2
    assert (ran, state.result[total].load_result().result) == ([], 9900)


def test_a_result_that_has_vanished_is_a_miss(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The child whose file is gone runs again and says so; the others do not."""
    flow, made, _ = wide()
    shelf = Shelf()
    first = run_durably(flow, shelf, tmp_path, xs=[1, 2, 3])
    (tmp_path / first.result[made].map_states[1]._result.location).unlink()
    ran.clear()
    with caplog.at_level(logging.WARNING, "towpath"):
        assert run_durably(flow, shelf, tmp_path, xs=[1, 2, 3]).is_successful()
    assert ran == [2]
    assert "is not there any more, so the task runs" in caplog.text


def test_a_store_that_is_away_is_no_harm(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Everything runs, and the log says why."""
    flow, _, _ = wide()
    shelf = Shelf()
    run_durably(flow, shelf, tmp_path, xs=[1])
    shelf.away = True
    with caplog.at_level(logging.WARNING, "towpath"):
        assert run_durably(flow, shelf, tmp_path, xs=[1]).is_successful()
    assert ran == [1, "total", 1, "total"]
    assert "Cached results cannot be read, so the tasks run: The API is away. (UNREACHABLE)" in caplog.text


def test_what_is_kept_in_memory_only_is_not_cached(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Another process could not read it; the log says what to do."""
    flow, made = flow_with(checkpoint=False)
    shelf = Shelf()
    with caplog.at_level(logging.WARNING, "towpath"):
        assert type(run_durably(flow, shelf, tmp_path).result[made]) is Success
    assert shelf.entries == []
    assert "give it a result to store it" in caplog.text


def test_a_target_is_written_once(tmp_path: Path) -> None:
    """What exists at the target is taken, in `flow.run()` too; each value of an input has a file of its own."""

    @task(target="{day}/{x}.pickle", result=LocalResult(str(tmp_path)))
    def make(x: int) -> int:
        ran.append(x)
        return x * x

    with Flow("f") as flow:
        made = make.map(Parameter("xs"), task_args={"name": "squares"})
        flow.add_task(Parameter("day", default="monday"))
    flow.run(xs=[1, 2])
    state = flow.run(xs=[2, 3])
    assert [s.is_cached() for s in state.result[made].map_states] == [True, False]
    assert [s.load_result().result for s in state.result[made].map_states] == [4, 9]
    assert ran == [1, 2, 3]
    assert sorted(p.name for p in (tmp_path / "monday").iterdir()) == ["1.pickle", "2.pickle", "3.pickle"]
    flow.run(xs=[1], day="tuesday")
    assert ran == [1, 2, 3, 1]


def test_a_target_may_be_a_function(tmp_path: Path) -> None:
    """It gets inputs, context and parameters by name; braces in what it returns are taken as they are."""
    made = task(target=lambda **c: f"{{{c['flow_name']}}}-{c['x']}", result=LocalResult(str(tmp_path)), name="d")(double)
    with Flow("f") as flow:
        out = made(3)
    assert flow.run().result[out].result == 6
    assert flow.run().result[out].is_cached()
    assert [p.name for p in tmp_path.iterdir()] == ["{f}-3"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"cache_validator": all_inputs}, "needs cache_for too"),
        ({"target": "a", "checkpoint": False}, "drop checkpoint=False"),
        ({"target": "a", "result": LocalResult("/x", location="b")}, "give one of them"),
    ],
)
def test_options_that_contradict_each_other(options: dict[str, Any], words: str) -> None:
    """Each is refused when the task is made, with what to do."""
    with pytest.raises(FlowError, match=words):
        Task("t", **options)


def test_names_of_task_runs() -> None:
    """`task_run_name` is a template or a function; the task sees it, and one that fails is only said in the log."""
    seen: list[Any] = []

    @task(task_run_name="{x} of {flow_name}")
    def named(x: int) -> None:
        from towpath import context

        seen.append(context.task_run_name)

    with Flow("f") as flow:
        named.map([1, 2])
        named(3, task_args={"task_run_name": lambda **c: f"<{c['x']}>"})
        named(4, task_args={"task_run_name": "{nothing}"}, upstream_tasks=[task(lambda: None, name="first")])
    reporter = MemoryReporter()
    state = flow.run(reporter=reporter)
    assert reporter.task_names == {("named-1", 0): "1 of f", ("named-1", 1): "2 of f", ("named-2", -1): "<3>"}
    assert state.is_failed()  # the last one asks for a name that it does not have
    assert sorted(seen) == ["1 of f", "2 of f", "<3>"]
    assert any("task_run_name of task 'named-3' cannot be made" in entry.message for entry in reporter.logs)


def test_how_it_is_serialised() -> None:
    """Seconds, key and the dotted name of the validator, as Prefect 1 writes them."""
    with Flow("f") as flow:
        task(cache_for=60, cache_key="k", cache_validator=partial_inputs_only(validate_on=["x"]), name="a")(double)(1)
        task(cache_for=60, name="b")(double)(1)
        task(name="c")(double)(1)
    a, b, c = flow.serialize()["tasks"]
    kwargs = {"validate_on": ["x"]}
    assert (a["cache_for"], a["cache_key"]) == (60.0, "k")
    assert a["cache_validator"] == {"fn": "towpath.engine.cache_validators.partial_inputs_only", "kwargs": kwargs}
    assert b["cache_validator"] == {"fn": "towpath.engine.cache_validators.duration_only", "kwargs": {}}
    assert (c["cache_for"], c["cache_key"], c["cache_validator"]) == (None, None, None)
