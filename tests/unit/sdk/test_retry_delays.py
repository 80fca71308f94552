"""Delays between the tries of a task: the same, listed, growing, or as a function says; in a resumed run, too."""

from __future__ import annotations

import pickle
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from towpath import Flow, Task, task
from towpath.backoff import exponential, linear
from towpath.engine.run import FlowRun
from towpath.engine.state import State
from towpath.errors import FlowError
from towpath.testing import ManualClock, MemoryReporter


def seconds_between_tries(delay: Any, retries: int = 4) -> list[float]:
    """The waits of a task that always fails."""

    @task(max_retries=retries, retry_delay=delay)
    def fail() -> None:
        raise ValueError

    with Flow("f") as flow:
        fail()
    reporter = MemoryReporter()
    flow.run(clock=ManualClock(), reporter=reporter)
    begun = [at for slug, _, state, at in reporter.task_states if slug == "fail-1" and state.kind == "Running"]
    assert len(begun) == retries + 1
    return [(later - earlier).total_seconds() for earlier, later in pairwise(begun)]


@pytest.mark.parametrize(
    ("delay", "waits"),
    [
        (5, [5, 5, 5, 5]),
        ([1, timedelta(minutes=1), 3], [1, 60, 3, 3]),
        ((9,), [9, 9, 9, 9]),
        (exponential(), [1, 2, 4, 8]),
        (exponential(timedelta(seconds=10), factor=3, longest=60), [10, 30, 60, 60]),
        (linear(5, step=10), [5, 15, 25, 35]),
        (lambda tries: timedelta(seconds=tries * tries), [1, 4, 9, 16]),
    ],
)
def test_how_long_each_kind_waits(delay: Any, waits: list[float]) -> None:
    """The wait after try n is what the author said for n."""
    assert seconds_between_tries(delay) == waits


def test_chance_shortens_and_never_lengthens() -> None:
    """Jitter takes up to its share off each delay; two tasks hardly wait alike."""
    waits = seconds_between_tries(exponential(100, jitter=0.5))
    assert all(most / 2 <= wait <= most for wait, most in zip(waits, [100, 200, 400, 800], strict=True))
    assert seconds_between_tries(exponential(100, jitter=0.5)) != waits


def test_growing_for_ever_stays_at_the_longest() -> None:
    """The ten-thousandth try waits no longer than an hour, and nothing overflows."""
    assert exponential()(10_000) == timedelta(hours=1)


def test_a_resumed_run_waits_as_the_first_would_have() -> None:
    """Delays go by the number of the try, which travels with the states."""

    @task(max_retries=3, retry_delay=[10, 20, 3000])
    def fail() -> None:
        raise ValueError

    with Flow("f") as flow:
        fail()
    clock, reporter = ManualClock(), MemoryReporter()
    FlowRun(flow, clock=clock, reporter=reporter, max_wait=timedelta(seconds=15)).run()
    states = {(s, i): State.from_dict(state.to_dict()) for s, i, state, _ in reporter.task_states}
    assert states["fail-1", -1].is_retrying()
    again = MemoryReporter()
    before = clock.now()
    FlowRun(flow, clock=clock, reporter=again, initial_states=states).run()
    waits = [at - before for _, _, state, at in again.task_states if state.kind == "Running"]
    assert waits == [timedelta(seconds=20), timedelta(seconds=3020)]


def test_a_function_that_fails_ends_the_tries(caplog: pytest.LogCaptureFixture) -> None:
    """The task stays Failed with its own error, and the log says why there is no other try."""

    @task(max_retries=2, retry_delay=lambda tries: -1)
    def fail() -> None:
        raise ValueError("its own error")

    with Flow("f") as flow:
        made = fail()
    state = flow.run(clock=ManualClock()).result[made]
    assert (state.kind, str(state.result)) == ("Failed", "its own error")
    assert "is not tried again: its retry_delay failed" in caplog.text


@pytest.mark.parametrize("delay", [-1, [], [1, -1], "soon", ["soon"], True, float("inf")])
def test_what_is_no_delay_is_refused(delay: Any) -> None:
    """When the task is made, with what a delay is."""
    with pytest.raises(FlowError, match="retry delay"):
        Task("t", max_retries=1, retry_delay=delay)


@pytest.mark.parametrize("options", [{"factor": 0.5}, {"jitter": 2}, {"longest": 0.5}, {"first": -1}])
def test_a_backoff_must_make_sense(options: dict[str, Any]) -> None:
    """Delays grow, within bounds."""
    with pytest.raises(FlowError):
        exponential(**options)


def test_as_json_and_as_bytes() -> None:
    """Prefect 1's one number is the first delay; where they differ, `retry_delays` lists them without chance. A back-off can be pickled."""
    with Flow("f") as flow:
        for number, delay in enumerate([30, [1, 60], exponential(2, jitter=0.3), lambda tries: 5]):
            Task(f"t{number}", max_retries=3, retry_delay=delay).bind()
    found = [(t["retry_delay"], t.get("retry_delays")) for t in flow.serialize()["tasks"]]
    assert found == [(30.0, None), (1.0, [1.0, 60.0, 60.0]), (2.0, [2.0, 4.0, 8.0]), (None, None)]
    assert pickle.loads(pickle.dumps(exponential(2))) == exponential(2)
