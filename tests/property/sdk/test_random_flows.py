"""Random graphs and random data: the engine against plain Python."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from towpath import Flow, Parameter, flatten, task, unmapped
from towpath.engine.run import FlowRun
from towpath.engine.state import State
from towpath.executors import LocalDaskExecutor
from towpath.testing import ManualClock, MemoryReporter
from towpath_proto.states import FLOW_EDGES, TASK_EDGES


@st.composite
def graphs(draw: st.DrawFn) -> list[list[int]]:
    """For each of up to 12 tasks, the earlier tasks that it takes as inputs."""
    size = draw(st.integers(1, 12))
    return [draw(st.lists(st.integers(0, i - 1), unique=True, max_size=4)) if i else [] for i in range(size)]


@given(graph=graphs(), failing=st.sets(st.integers(0, 11)), threads=st.booleans(), seed=st.randoms())
@settings(max_examples=150, deadline=None)
def test_every_task_runs_once_after_its_upstreams(graph: list[list[int]], failing: set[int], threads: bool, seed: Any) -> None:
    """In any graph each task with successful upstreams runs exactly once, after them, and the others do not run at all."""
    lock = threading.Lock()
    order: list[int] = []

    @task
    def step(number: int, **inputs: int) -> int:
        with lock:
            order.append(number)
        if number in failing:
            raise ValueError(number)
        return number + sum(inputs.values())

    made: list[Any] = []
    with Flow("f") as flow:
        made.extend(step.copy() for _ in graph)
        shuffled = list(enumerate(graph))
        seed.shuffle(shuffled)
        for number, ups in shuffled:
            made[number].bind(number, **{f"u{up}": made[up] for up in ups})
    state = flow.run(executor=LocalDaskExecutor(num_workers=3) if threads else None)

    expected: list[int | None] = []
    for number, ups in enumerate(graph):
        values = [expected[up] for up in ups]
        fine = number not in failing and None not in values
        expected.append(number + sum(v for v in values if v is not None) if fine else None)
    blocked = {n for n, ups in enumerate(graph) if any(expected[up] is None for up in ups)}
    assert Counter(order) == Counter(n for n in range(len(graph)) if n not in blocked)
    place = {number: index for index, number in enumerate(order)}
    assert all(place[up] < place[n] for n, ups in enumerate(graph) if n in place for up in ups)
    outcome = [state.result[made[n]] for n in range(len(graph))]
    assert [s.result if s.is_successful() else None for s in outcome] == expected
    assert {n for n, s in enumerate(outcome) if s.kind == "TriggerFailed"} == blocked
    terminal = set(range(len(graph))) - {up for ups in graph for up in ups}
    assert state.is_failed() == any(expected[n] is None for n in terminal)


numbers = st.lists(st.integers(-100, 100), max_size=8)


@given(xs=numbers, ys=numbers, z=st.integers(-5, 5), threads=st.booleans())
@settings(max_examples=100, deadline=None)
def test_map_reduce_is_plain_python(xs: list[int], ys: list[int], z: int, threads: bool) -> None:
    """Chains of map, unmapped, flatten and reduce give what comprehensions give."""

    @task
    def combine(x: int, y: int, z: int) -> int:
        return x * y + z

    @task
    def spread(x: int) -> list[int]:
        return [x] * (abs(x) % 3)

    @task
    def total(values: list[int]) -> int:
        return sum(values)

    with Flow("f") as flow:
        a = combine.map(Parameter("xs"), Parameter("ys"), unmapped(Parameter("z")))
        b = spread.map(a)
        c = combine.map(flatten(b), flatten(b), unmapped(total(a)))
        d = total(c)
    state = flow.run(xs=xs, ys=ys, z=z, executor=LocalDaskExecutor(num_workers=3) if threads else None)
    combined = [x * y + z for x, y in zip(xs, ys, strict=False)]
    lists = [[x] * (abs(x) % 3) for x in combined]
    flat = [x * x + sum(combined) for part in lists for x in part]
    assert state.result[a].result == combined
    assert state.result[b].result == lists
    assert state.result[c].result == flat
    assert state.result[d].result == sum(flat)


@given(
    fails=st.lists(st.integers(0, 3), min_size=1, max_size=6),
    cut=st.integers(0, 60),
)
@settings(max_examples=100, deadline=None)
def test_a_resumed_run_ends_like_an_unbroken_one(fails: list[int], cut: int, tmp_path_factory: Any) -> None:
    """A run that is cut anywhere and resumed from its reports has the same end, repeats nothing that had finished, and every reported
    move is one that the table of states allows."""
    from towpath.engine.results import LocalResult

    folder = LocalResult(str(tmp_path_factory.mktemp("results")))
    calls: Counter[tuple[int, int]] = Counter()

    @task(max_retries=2, retry_delay=timedelta(minutes=1))
    def flaky(number: int, times: int) -> int:
        from towpath import context

        calls[number, context.task_run_count] += 1
        if context.task_run_count <= times:
            raise ValueError
        return number * 10

    @task
    def total(values: list[int]) -> int:
        return sum(values)

    with Flow("f") as flow:
        made = total(flaky.map(list(range(len(fails))), fails))

    def attempt(states: dict[tuple[str, int], State]) -> tuple[State, MemoryReporter]:
        reporter = MemoryReporter()
        run = FlowRun(flow, initial_states=states, reporter=reporter, clock=ManualClock(), checkpointing=True, default_result=folder)
        return run.run(), reporter

    whole, reporter = attempt({})
    for history in histories(reporter).values():
        assert all(move in TASK_EDGES for move in pairwise(history)), history
    kinds = [state.kind for state, _ in reporter.flow_states]
    assert all(move in FLOW_EDGES for move in pairwise(["Pending", *kinds]))

    seen = reporter.task_states[:cut]
    known = {(slug, index): State.from_dict(state.to_dict()) for slug, index, state, _ in seen}
    done = {index for (slug, index), state in known.items() if slug == "flaky-1" and index >= 0 and state.is_successful()}
    calls.clear()
    again, _ = attempt(known)
    assert again.kind == whole.kind
    assert again.result[made].kind == whole.result[made].kind
    if whole.is_successful():
        assert again.result[made].load_result().result == whole.result[made].result
    assert not {number for number, _ in calls} & done


def histories(reporter: MemoryReporter) -> dict[tuple[str, int], list[str]]:
    """The kinds that each task run went through, from Pending."""
    found: dict[tuple[str, int], list[str]] = {}
    for slug, index, state, _ in reporter.task_states:
        found.setdefault((slug, index), ["Pending"]).append(state.kind)
    return found
