"""Resuming a run that another process began: what has finished is not run again, and its values are read only when needed."""

from __future__ import annotations

import pickle
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from towpath import Flow, Parameter, flatten, task, unmapped
from towpath.engine.results import LocalResult
from towpath.engine.run import FlowRun
from towpath.engine.serializers import JSONSerializer
from towpath.engine.state import Failed, Mapped, Retrying, Running, State, Success
from towpath.testing import ManualClock, MemoryReporter

ran: list[str] = []


@pytest.fixture(autouse=True)
def _forget() -> None:
    ran.clear()


@task
def load(n: int) -> list[int]:
    ran.append("load")
    return list(range(n))


@task
def inc(x: int) -> int:
    ran.append(f"inc {x}")
    return x + 1


@task
def total(xs: list[int]) -> int:
    ran.append("total")
    return sum(xs)


@task
def add(x: int, y: int) -> int:
    ran.append(f"add {x} {y}")
    return x + y


def first_run(flow: Flow, folder: Path, **parameters: Any) -> dict[tuple[str, int], State]:
    """Run the flow with stored results; returns the states as another process would get them: from JSON."""
    reporter = MemoryReporter()
    FlowRun(flow, parameters=parameters, reporter=reporter, checkpointing=True, default_result=LocalResult(str(folder))).run()
    ran.clear()
    return {(slug, index): State.from_dict(state.to_dict()) for slug, index, state, _ in reporter.task_states}


def resume(
    flow: Flow, states: dict[tuple[str, int], State], reporter: MemoryReporter | None = None, folder: Path | None = None, **options: Any
) -> State:
    stored = None if folder is None else LocalResult(str(folder))
    return FlowRun(flow, initial_states=states, reporter=reporter, default_result=stored, **options).run()


def simple() -> tuple[Flow, Any]:
    with Flow("f") as flow:
        made = total(inc.map(load(Parameter("n", 3))))
    return flow, made


def test_nothing_finished_runs_again(tmp_path: Path) -> None:
    """A run whose tasks have all finished runs none, reports none and reads none."""
    flow, _ = simple()
    states = first_run(flow, tmp_path)
    for file in tmp_path.rglob("*.pickle"):
        file.unlink()
    reporter = MemoryReporter()
    assert resume(flow, states, reporter, tmp_path).is_successful()
    assert ran == []
    assert reporter.task_states == []


def test_a_lost_task_runs_with_the_stored_values(tmp_path: Path) -> None:
    """A task that was running when its process died runs again, on results that are read from their places."""
    flow, made = simple()
    states = first_run(flow, tmp_path)
    states["total-1", -1] = Running()
    assert resume(flow, states, folder=tmp_path).result[made].result == 6
    assert ran == ["total"]


def test_only_missing_children_run(tmp_path: Path) -> None:
    """Of a map, only children that have not finished run; the parent is not reported again."""
    flow, made = simple()
    states = first_run(flow, tmp_path)
    del states["inc-1", 1], states["total-1", -1]
    reporter = MemoryReporter()
    assert resume(flow, states, reporter, tmp_path).result[made].result == 6
    assert ran == ["inc 1", "total"]
    assert {(slug, index) for slug, index, _, _ in reporter.task_states} == {("inc-1", 1), ("total-1", -1)}


def test_a_width_that_is_not_known_is_found_again(tmp_path: Path) -> None:
    """A parent whose number of children was not stored is spread again over the stored value."""
    flow, made = simple()
    states = first_run(flow, tmp_path)
    states["inc-1", -1] = Mapped()
    del states["inc-1", 2], states["total-1", -1]
    assert resume(flow, states, folder=tmp_path).result[made].result == 6
    assert ran == ["inc 2", "total"]


def test_flattened_and_unmapped_inputs_are_read(tmp_path: Path) -> None:
    """Values that are flattened or passed whole are read back too."""

    @task
    def pair(x: int) -> list[int]:
        return [x, x]

    with Flow("f") as flow:
        made = add.map(flatten(pair.map(load(2))), unmapped(inc(10)))
    states = first_run(flow, tmp_path)
    del states["add-1", 3]
    assert resume(flow, states, folder=tmp_path).result[made].map_states[3].result == 12
    assert ran == ["add 1 11"]


def test_parameters_collections_and_operators_are_computed_again(tmp_path: Path) -> None:
    """Their values are not stored; a resumed run computes them when they are needed."""
    with Flow("f") as flow:
        n = Parameter("n", 3)
        made = total([inc(n), n * 2, load(n)[1]])
    states = first_run(flow, tmp_path, n=4)
    assert states["List-1", -1].to_dict()["_result"]["location"] is None
    states["total-1", -1] = Running()
    assert resume(flow, states, folder=tmp_path, parameters={"n": 4}).result[made].result == 5 + 8 + 1
    assert ran == ["total"]


def test_a_result_that_cannot_be_read_fails_the_task_that_needs_it(tmp_path: Path) -> None:
    """The error names the upstream task, and only what needs the value fails."""
    with Flow("f") as flow:
        first = load(3)
        needs = total(first)
        free = inc(1, upstream_tasks=[first])
    states = first_run(flow, tmp_path)
    for file in tmp_path.rglob("*.pickle"):
        file.unlink()
    del states["total-1", -1], states["inc-1", -1]
    state = resume(flow, states, folder=tmp_path)
    assert state.result[needs].is_failed()
    assert "the result of 'load-1' is needed: cannot read the result at" in state.result[needs].message
    assert state.result[free].is_successful()


def test_a_retry_is_waited_for_and_counts_on() -> None:
    """A task run found Retrying waits until it is due, and its tries count on from the stored number."""

    @task(max_retries=3, retry_delay=timedelta(minutes=1))
    def count() -> int:
        from towpath import context

        return int(context.task_run_count)

    with Flow("f") as flow:
        made = count()
    clock = ManualClock()
    due = clock.now() + timedelta(minutes=5)
    state = resume(flow, {("count-1", -1): Retrying(start_time=due, run_count=2)}, clock=clock)
    assert state.result[made].result == 3
    assert clock.now() >= due


def test_a_retry_that_was_not_reported_is_made_up_for() -> None:
    """A task run found Failed with tries left is retried; without tries left, or not retried before, it stays Failed."""

    @task(max_retries=1, retry_delay=timedelta(minutes=1))
    def count() -> int:
        return 1

    with Flow("f") as flow:
        made = count()
    key = ("count-1", -1)
    reporter = MemoryReporter()
    state = resume(flow, {key: Failed(context={"task_run_count": 1})}, reporter, clock=ManualClock())
    assert state.result[made].is_successful()
    assert reporter.kinds("count-1") == ["Retrying", "Running", "Success"]
    assert resume(flow, {key: Failed(context={"task_run_count": 2})}).result[made].is_failed()
    assert resume(flow, {key: Failed()}).result[made].is_failed()


def test_stored_results_follow_task_flow_and_default(tmp_path: Path) -> None:
    """A task's own result comes first, then the flow's, then the default; checkpoint=False stores nothing."""
    with Flow("f", result=LocalResult(str(tmp_path / "flow"), location="{task_name}")) as flow:
        a = task(name="a", result=LocalResult(str(tmp_path / "own"), location="{flow_name}-{task_name}"))(lambda: 1)()
        b = task(name="b")(lambda: 2)()
        c = task(name="c", checkpoint=False)(lambda: 3)()
    state = FlowRun(flow, checkpointing=True, default_result=LocalResult(str(tmp_path / "default"))).run()
    assert sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()) == ["flow/b", "own/f-a"]
    assert [state.result[t].result for t in (a, b, c)] == [1, 2, 3]


def test_a_result_that_cannot_be_stored_fails_its_task(tmp_path: Path) -> None:
    """A value that was computed but not kept is no success."""
    with Flow("f", result=LocalResult(str(tmp_path))) as flow:
        made = task(lambda: (i for i in range(3)))()
    state = FlowRun(flow, checkpointing=True).run()
    assert state.result[made].is_failed()
    assert "cannot be stored by LocalResult" in state.result[made].message
    assert FlowRun(flow).run().is_successful()


def test_a_mapped_success_in_memory_is_not_mistaken(tmp_path: Path) -> None:
    """A stored Success whose value was kept in memory only fails what needs it, with a sentence that says what to do."""
    with Flow("f") as flow:
        made = inc(inc(1))
    state = resume(flow, {("inc-1", -1): State.from_dict(Success(result=5).to_dict())})
    assert "give the task or flow a result" in str(state.result[made].message)


def test_a_stored_value_is_read_by_the_serializer_that_has_written_it(tmp_path: Path) -> None:
    """A state from another process says where its result is; how it was written is known from the task."""

    @task(result=LocalResult(str(tmp_path), serializer=JSONSerializer()))
    def facts() -> dict[str, int]:
        return {"a": 1}

    @task
    def read(found: dict[str, int]) -> int:
        return found["a"]

    with Flow("json") as flow:
        value = read(facts())
    states = first_run(flow, tmp_path)
    ended = resume(flow, {("facts-1", -1): states["facts-1", -1]}, checkpointing=True)
    assert ended.is_successful()
    assert ended.result[value].result == 1


def test_a_file_that_the_flow_would_not_have_written_is_not_read(tmp_path: Path) -> None:
    """Who may set states may not have a run unpickle any file of its machine: results are read where the signed code stores them."""
    flow, made = simple()
    states = first_run(flow, tmp_path / "results")
    (tmp_path / "foreign").mkdir()
    marker = tmp_path / "opened"
    (tmp_path / "foreign" / "a.pickle").write_bytes(pickle.dumps(_Opens(str(marker))))
    del states["total-1", -1]
    for named in (
        {"dir": str(tmp_path / "foreign"), "location": "a.pickle"},
        {"dir": str(tmp_path / "results"), "location": "../foreign/a.pickle"},
        {"dir": str(tmp_path / "results"), "location": str(tmp_path / "foreign" / "a.pickle")},
    ):
        states["inc-1", 1] = State.from_dict({"type": "Success", "_result": {"type": "LocalResult", **named}})
        ended = resume(flow, dict(states), folder=tmp_path / "results")
        assert "is not read, since this flow stores it in" in str(ended.result[made].message)
    assert not marker.exists()


class _Opens:
    """Makes a file when it is unpickled."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (self._path, "x")
