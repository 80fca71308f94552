"""Running a flow: order, retries, loops, signals, pauses, handlers, what is reported."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from towpath import Flow, context, task, unmapped
from towpath.engine import signals
from towpath.engine import state as s
from towpath.engine.run import FlowRun
from towpath.errors import FlowError
from towpath.executors import LocalDaskExecutor
from towpath.testing import ManualClock, MemoryReporter
from towpath.triggers import all_finished, manual_only

MINUTE = timedelta(minutes=1)
EXECUTORS = pytest.mark.parametrize("workers", [None, 2], ids=["local", "threads"])


def executor(workers: int | None) -> Any:
    return None if workers is None else LocalDaskExecutor(num_workers=workers)


def flaky(times: int, **options: Any) -> Any:
    """A task that fails `times` times and then returns the number of its try."""

    def run() -> int:
        if context.task_run_count <= times:
            raise OSError(f"try {context.task_run_count}")
        return int(context.task_run_count)

    return task(name="flaky", max_retries=2, retry_delay=MINUTE, **options)(run)


@task
def give(x: Any) -> Any:
    return x


def test_states_are_reported_in_order() -> None:
    """A run reports Running and its end; each task run reports Running and its end; the reporter is flushed once."""
    with Flow("f") as flow:
        give.map([1, 2])
    reporter = MemoryReporter()
    flow.run(reporter=reporter)
    assert [state.kind for state, _ in reporter.flow_states] == ["Running", "Success"]
    assert [(slug, index, state.kind) for slug, index, state, _ in reporter.task_states] == [
        ("List-1", -1, "Running"),
        ("List-1", -1, "Success"),
        ("give-1", -1, "Mapped"),
        ("give-1", 0, "Running"),
        ("give-1", 0, "Success"),
        ("give-1", 1, "Running"),
        ("give-1", 1, "Success"),
    ]
    assert reporter.flushes == 1


@EXECUTORS
def test_a_retry_waits_for_its_time_and_blocks_nobody(workers: int | None) -> None:
    """A failing task is tried again after its delay; meanwhile everything else runs, at the time of the failure."""
    clock, reporter = ManualClock(), MemoryReporter()
    begin = clock.now()
    with Flow("f") as flow:
        made = give(flaky(2)())
        other = give(give(1))
    state = flow.run(clock=clock, reporter=reporter, executor=executor(workers))
    assert state.is_successful()
    assert state.result[made].result == 3
    assert reporter.kinds("flaky-1") == ["Running", "Failed", "Retrying", "Running", "Failed", "Retrying", "Running", "Success"]
    times = {slug: at for slug, _, state, at in reporter.task_states if state.kind == "Success"}
    assert times[flow.slugs[other]] == begin
    assert times["flaky-1"] == begin + 2 * MINUTE


def test_retries_end() -> None:
    """After max_retries the failure stays, with the last error as its result."""
    with Flow("f") as flow:
        made = flaky(9)()
    state = flow.run(clock=ManualClock())
    assert state.is_failed()
    assert str(state.result[made].result) == "try 3"
    assert state.result[made].message == "Error during execution of task: OSError('try 3')"


def test_retry_on_chooses_errors() -> None:
    """Errors of other kinds are not retried."""
    with Flow("f") as flow:
        flaky(1, retry_on=KeyError)()
    reporter = MemoryReporter()
    assert flow.run(clock=ManualClock(), reporter=reporter).is_failed()
    assert reporter.kinds("flaky-1") == ["Running", "Failed"]


def test_mapped_children_retry_by_themselves() -> None:
    """A child's retry delays its own branch only."""
    clock, reporter = ManualClock(), MemoryReporter()

    @task(max_retries=1, retry_delay=MINUTE)
    def odd_fails_once(x: int) -> int:
        if x % 2 and context.task_run_count == 1:
            raise ValueError
        return x

    with Flow("f") as flow:
        made = give.map(odd_fails_once.map([0, 1, 2]))
    state = flow.run(clock=clock, reporter=reporter)
    assert state.result[made].result == [0, 1, 2]
    ends = [index for slug, index, state, _ in reporter.task_states if slug == "give-1" and state.kind == "Success"]
    assert ends == [0, 2, 1]


def test_a_map_that_opens_late_waits_for_children_that_retry() -> None:
    """A mapped task that is held up by another input still waits for an upstream child that is between two tries."""

    @task(max_retries=1, retry_delay=MINUTE)
    def fails_once(x: int) -> int:
        if context.task_run_count == 1:
            raise ValueError
        return x

    @task(max_retries=1, retry_delay=MINUTE / 2)
    def factor() -> int:
        if context.task_run_count == 1:
            raise ValueError
        return 10

    @task
    def scale(x: int, y: int) -> int:
        return x * y

    with Flow("f") as flow:
        made = scale.map(fails_once.map([1, 2]), unmapped(factor()))
    assert flow.run(clock=ManualClock()).result[made].result == [10, 20]


def raising(signal: Any) -> Any:
    @task
    def raises() -> None:
        raise signal()

    return raises


@pytest.mark.parametrize(
    ("signal", "kind", "downstream", "flow_kind"),
    [
        (lambda: signals.FAIL("x"), "Failed", "TriggerFailed", "Failed"),
        (lambda: signals.VALIDATIONFAIL("x"), "ValidationFailed", "TriggerFailed", "Failed"),
        (lambda: signals.SUCCESS("x", result=4), "Success", "Success", "Success"),
        (lambda: signals.SKIP("x"), "Skipped", "Skipped", "Success"),
        (lambda: signals.PAUSE("x"), "Paused", "Pending", "Running"),
        (lambda: signals.ENDRUN(s.Success("x", 4)), "Success", "Success", "Success"),
        (lambda: SystemExit(3), "Failed", "TriggerFailed", "Failed"),
        (lambda: GeneratorExit(), "Failed", "TriggerFailed", "Failed"),
    ],
)
@EXECUTORS
def test_signals_end_a_task(signal: Any, kind: str, downstream: str, flow_kind: str, workers: int | None) -> None:
    """A raised signal is the task's state; tasks downstream act on it; no exception of a task leaves the run."""
    with Flow("f") as flow:
        first = raising(signal)()
        second = give(first)
    state = flow.run(executor=executor(workers))
    assert (state.result[first].kind, state.result[second].kind, state.kind) == (kind, downstream, flow_kind)
    if kind == "Success":
        assert state.result[second].result == 4


def test_the_retry_signal_needs_no_max_retries() -> None:
    """signals.RETRY runs the task again at its time, with the count of tries growing."""
    clock = ManualClock()
    due = clock.now() + MINUTE

    @task
    def again() -> int:
        if context.task_run_count < 3:
            raise signals.RETRY("later", start_time=due)
        return int(context.task_run_count)

    with Flow("f") as flow:
        made = again()
    state = flow.run(clock=clock)
    assert state.result[made].result in (2, 3)
    assert clock.now() >= due


def test_loops_carry_their_result() -> None:
    """signals.LOOP runs the task again with its last result, and reports each turn."""

    @task
    def count() -> int:
        so_far = context.get("task_loop_result", 0)
        if so_far < 3:
            raise signals.LOOP(result=so_far + 1)
        return int(so_far * 100 + context.task_loop_count)

    with Flow("f") as flow:
        made = count()
    reporter = MemoryReporter()
    assert flow.run(reporter=reporter).result[made].result == 304
    assert reporter.kinds("count-1") == ["Running", "Looped"] * 3 + ["Running", "Success"]


def test_a_loop_survives_a_retry() -> None:
    """A retry in the middle of a loop goes on with the same turn."""

    @task(max_retries=1, retry_delay=MINUTE)
    def count() -> int:
        turn = context.get("task_loop_count", 1)
        if turn == 2 and context.task_run_count == 1:
            raise ValueError
        if turn < 3:
            raise signals.LOOP(result=turn)
        return int(context.task_loop_result)

    with Flow("f") as flow:
        made = count()
    assert flow.run(clock=ManualClock()).result[made].result == 2


def test_final_states_by_reference_tasks() -> None:
    """The flow's end is that of its reference tasks, not of all tasks."""

    @task(trigger=all_finished)
    def clean() -> None: ...

    with Flow("f") as flow:
        bad = raising(lambda: signals.FAIL("x"))()
        clean(upstream_tasks=[bad])
    assert flow.run().is_successful()
    flow.set_reference_tasks([bad])
    state = flow.run()
    assert (state.kind, state.message) == ("Failed", "Some reference tasks failed.")


def test_a_manual_task_pauses_until_it_is_resumed() -> None:
    """manual_only leaves the flow Running; given a Resume state, the task runs."""

    @task(trigger=manual_only)
    def approve() -> str:
        return "yes"

    with Flow("f") as flow:
        made = give(approve())
    state = flow.run()
    assert state.is_running()
    assert state.result[made].is_pending()
    state = flow.run(initial_states={("approve-1", -1): s.Resume()})
    assert state.result[made].result == "yes"


def test_task_handlers_see_and_replace_states() -> None:
    """State handlers are called at each change with old and new state, may replace it, and a broken one fails the task."""
    seen: list[tuple[str, str]] = []

    def watch(subject: Any, old: s.State, new: s.State) -> s.State | None:
        seen.append((old.kind, new.kind))
        return s.Skipped("by handler") if new.is_successful() else None

    def broken(subject: Any, old: s.State, new: s.State) -> None:
        raise RuntimeError("handler")

    failures: list[str] = []
    with Flow("f") as flow:
        a = task(state_handlers=[watch])(lambda: 1)()
        b = task(state_handlers=[broken])(lambda: 1)()
        c = task(on_failure=lambda t, state: failures.append(state.message))(lambda: 1 / 0)()
    state = flow.run()
    assert seen == [("Pending", "Running"), ("Running", "Success")]
    assert state.result[a].is_skipped()
    assert (state.result[b].message or "").startswith("Exception raised while calling state handlers: RuntimeError('handler') in test_")
    assert (state.result[b].message or "").endswith(".broken")
    assert failures == [state.result[c].message]


@pytest.mark.parametrize("at", ["Running", "Success"])
def test_a_flow_handler_that_raises_fails_the_run_and_loses_nothing(at: str) -> None:
    """The message names the handler; what tasks had done stays in the result."""

    def alert(flow: Any, old: Any, new: Any) -> None:
        if new.kind == at:
            raise RuntimeError("no network")

    with Flow("f", state_handlers=[alert]) as flow:
        a = give(7)
    reporter = MemoryReporter()
    state = flow.run(reporter=reporter)
    assert state.is_failed()
    assert (state.message or "").startswith("Exception raised while calling state handlers: RuntimeError('no network') in ")
    assert (state.message or "").endswith(".alert")
    if at == "Success":
        assert state.result[a].result == 7


def test_flow_handlers_and_the_terminal_handler() -> None:
    """A flow's handlers see Running and the end; the terminal handler may replace the end."""
    seen: list[tuple[str, str]] = []
    ended: list[str] = []
    with Flow(
        "f",
        state_handlers=[lambda flow, old, new: seen.append((old.kind, new.kind))],
        terminal_state_handler=lambda flow, state, reference: s.Failed("no") if len(reference) == 1 else None,
        on_failure=lambda flow, state: ended.append(state.message),
    ) as flow:
        give(1)
    assert flow.run().message == "no"
    assert seen == [("Pending", "Running"), ("Running", "Failed")]
    assert ended == ["no"]


def test_a_wait_that_is_too_long_leaves_the_process() -> None:
    """With max_wait, a run whose next retry is far away returns Running, its task Retrying."""
    with Flow("f") as flow:
        made = flaky(1)()
    run = FlowRun(flow, clock=ManualClock(), max_wait=timedelta(seconds=10))
    state = run.run()
    assert state.is_running()
    assert state.result[made].is_retrying()


def test_schedules_run_again_and_again() -> None:
    """flow.run() on a schedule runs at each of its times, with the clock's parameters, until the schedule is over."""
    from towpath import Parameter
    from towpath.schedules import IntervalClock, Schedule

    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    seen: list[tuple[datetime, int]] = []

    @task
    def note(p: int) -> None:
        seen.append((context.scheduled_start_time, p))

    start = datetime(2026, 1, 1, 1, tzinfo=UTC)
    hours = IntervalClock(timedelta(hours=1), start, start + timedelta(hours=2), parameter_defaults={"p": 7})
    with Flow("f", schedule=Schedule([hours])) as flow:
        note(Parameter("p", 1))
    flow.run(clock=clock)
    assert seen == [(start + timedelta(hours=n), 7) for n in range(3)]
    assert clock.now() == start + timedelta(hours=2)
    flow.run(run_on_schedule=False)
    assert len(seen) == 4


def test_a_finished_run_is_not_run_again() -> None:
    """A FlowRun in a final state refuses to run."""
    with Flow("f") as flow:
        give(1)
    with pytest.raises(FlowError, match="has ended as Success"):
        FlowRun(flow, state=s.Success()).run()


def test_a_flow_may_run_inside_a_task() -> None:
    """A nested run has a context of its own, and the outer one is back afterwards."""
    with Flow("inner") as inner:
        give(1)

    @task
    def outer() -> tuple[str, str]:
        name = inner.run().kind
        return name, context.flow_name

    with Flow("outer") as flow:
        made = outer()
    assert flow.run().result[made].result == ("Success", "outer")


def test_an_empty_flow_succeeds() -> None:
    """A flow without tasks has nothing that could fail."""
    assert Flow("f").run().is_successful()
