"""The decisions of the task runner and the flow runner, as plain functions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from towpath import Task
from towpath.core.edges import Edge
from towpath.engine import flow_pipeline, signals, task_pipeline, triggers
from towpath.engine import state as s
from towpath.engine.plan import InEdge
from towpath.engine.task_pipeline import Record

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(seconds=1)
OK, BAD, SKIP = s.Success(), s.Failed(), s.Skipped()
DOWN = Task("down")


def edges(count: int, mapped: bool = False) -> list[InEdge]:
    return [InEdge(i, None, mapped, False, False, Edge(Task(f"up{i}"), DOWN, None, mapped)) for i in range(count)]


def before(task: Task, *upstream: s.State, mapped: bool = False) -> str | None:
    found = task_pipeline.before_run(task, edges(len(upstream), mapped), upstream)
    return None if found is None else found.kind


@pytest.mark.parametrize(
    ("trigger", "upstream", "expected"),
    [
        (triggers.all_successful, [], None),
        (triggers.all_successful, [OK, OK], None),
        (triggers.all_successful, [OK, BAD], "TriggerFailed"),
        (triggers.all_successful, [s.Mapped(map_states=[OK, BAD])], "TriggerFailed"),
        (triggers.all_successful, [s.Mapped(map_states=[OK, OK])], None),
        (triggers.all_successful, [s.Mapped(map_states=[])], None),
        (triggers.all_failed, [BAD, BAD], None),
        (triggers.all_failed, [BAD, OK], "TriggerFailed"),
        (triggers.any_successful, [BAD, OK], None),
        (triggers.any_successful, [BAD, BAD], "TriggerFailed"),
        (triggers.any_successful, [], None),
        (triggers.any_failed, [BAD, OK], None),
        (triggers.any_failed, [OK, OK], "TriggerFailed"),
        (triggers.all_finished, [BAD, OK, s.Cancelled()], None),
        (triggers.always_run, [BAD], None),
        (triggers.not_all_skipped, [OK, BAD], "TriggerFailed"),
        (triggers.manual_only, [OK], "Paused"),
        (triggers.some_failed(at_least=1, at_most=2), [BAD, OK, OK], None),
        (triggers.some_failed(at_least=2), [BAD, OK, OK], "TriggerFailed"),
        (triggers.some_failed(at_most=0.5), [BAD, BAD, OK], "TriggerFailed"),
        (triggers.some_successful(at_least=0.5), [BAD, OK], None),
        (triggers.some_successful(at_most=1), [OK, OK], "TriggerFailed"),
        (lambda upstream: False, [OK], "TriggerFailed"),
        (lambda upstream: 1 / 0, [OK], "TriggerFailed"),
    ],
)
def test_triggers(trigger: Any, upstream: list[s.State], expected: str | None) -> None:
    """Each trigger lets a task run, or names the state that it enters instead."""
    assert before(Task(trigger=trigger), *upstream) == expected


def test_a_skip_upstream_is_passed_on_unless_refused() -> None:
    """A skip comes before the trigger, counts in children too, and can be ignored."""
    assert before(Task(), OK, SKIP) == "Skipped"
    assert before(Task(), BAD, SKIP) == "Skipped"
    assert before(Task(), s.Mapped(map_states=[OK, SKIP])) == "Skipped"
    assert before(Task(skip_on_upstream_skip=False), OK, SKIP) is None
    lenient = Task(skip_on_upstream_skip=False, trigger=triggers.not_all_skipped)
    assert before(lenient, SKIP, SKIP) == "Skipped"
    assert before(lenient, SKIP, OK) is None


def test_before_map() -> None:
    """A mapped parent needs one success to map over; children decide about the rest."""

    def decide(task: Task, *upstream: s.State) -> str | None:
        found = task_pipeline.before_map(task, edges(len(upstream), True), upstream)
        return None if found is None else found.kind

    assert decide(Task(), OK) is None
    assert decide(Task(), OK, BAD) is None
    assert decide(Task(), BAD) == "TriggerFailed"
    assert decide(Task(), SKIP) == "Skipped"
    assert decide(Task(skip_on_upstream_skip=False), SKIP) == "TriggerFailed"
    assert decide(Task(), s.Mapped(map_states=[SKIP])) is None


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (None, False),
        (s.Pending(), False),
        (s.Scheduled(start_time=NOW), False),
        (s.Scheduled(start_time=LATER), True),
        (s.Retrying(start_time=LATER), True),
        (s.Paused(), True),
        (s.Paused(start_time=NOW), False),
        (s.Resume(start_time=NOW), False),
        (s.Running(), False),
    ],
)
def test_start_times(state: s.State | None, expected: bool) -> None:
    """Only a start time that has not come, or a pause without one, makes a task run wait."""
    assert task_pipeline.waits(state, NOW) is expected


RETRIED = {"max_retries": 2, "retry_delay": timedelta(seconds=5)}


@pytest.mark.parametrize(
    ("task", "state", "run_count", "retried"),
    [
        (Task(**RETRIED), BAD, 1, True),
        (Task(**RETRIED), BAD, 2, True),
        (Task(**RETRIED), BAD, 3, False),
        (Task(**RETRIED), s.TimedOut(), 1, True),
        (Task(**RETRIED), s.TriggerFailed(), 1, False),
        (Task(**RETRIED), OK, 1, False),
        (Task(**RETRIED), s.Cancelled(), 1, False),
        (Task(), BAD, 1, False),
        (Task(retry_on=ValueError, **RETRIED), s.Failed(result=ValueError()), 1, True),
        (Task(retry_on=[KeyError, OSError], **RETRIED), s.Failed(result=ValueError()), 1, False),
    ],
)
def test_retries(task: Task, state: s.State, run_count: int, retried: bool) -> None:
    """A failed try is followed by another while there are retries left, and only for errors of the wanted kinds."""
    again = task_pipeline.after_run(task, state, Record(run_count=run_count), NOW)
    if not retried:
        assert again is None
        return
    assert isinstance(again, s.Retrying)
    assert (again.start_time, again.run_count) == (NOW + timedelta(seconds=5), run_count)
    assert again.message == f"Retrying Task (after attempt {run_count} of 3)"


def test_records_follow_states() -> None:
    """Retrying counts tries, Looped counts turns and keeps the turn's result; both survive in the state that is stored."""
    record = Record()
    task_pipeline.advance(record, s.Looped(loop_count=1, result=7))
    assert (record.loop_count, record.loop_result, record.run_count) == (2, 7, 1)
    task_pipeline.advance(record, s.Retrying(run_count=1))
    assert record.run_count == 2
    assert Record.resumed(s.Retrying(run_count=2)).run_count == 3
    resumed = Record.resumed(s.Failed(context={"task_run_count": 2, "_loop_count": 4}))
    assert (resumed.run_count, resumed.loop_count) == (2, 4)


@pytest.mark.parametrize(
    ("terminal", "reference", "expected"),
    [
        ([OK], [OK], ("Success", "All reference tasks succeeded.")),
        ([OK, BAD], [OK, BAD], ("Failed", "Some reference tasks failed.")),
        ([OK, BAD], [OK], ("Success", "All reference tasks succeeded.")),
        ([OK], [s.Cancelled()], ("Success", "No reference tasks failed.")),
        ([s.Mapped(map_states=[OK, BAD])], [s.Mapped(map_states=[OK, BAD])], ("Failed", "Some reference tasks failed.")),
        ([s.Mapped(map_states=[OK, None])], [OK], ("Running", "Flow run is waiting: some tasks are paused or due later.")),
        ([s.Paused()], [OK], ("Running", "Flow run is waiting: some tasks are paused or due later.")),
        ([None], [None], ("Running", "Flow run is waiting: some tasks are paused or due later.")),
        ([], [], ("Success", "All reference tasks succeeded.")),
    ],
)
def test_final_states(terminal: list[s.State], reference: list[s.State], expected: tuple[str, str]) -> None:
    """The reference tasks decide the final state, once all terminal tasks have ended."""
    found = flow_pipeline.final(terminal, reference)
    assert (found.kind, found.message) == expected


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (None, "Running"),
        (s.Scheduled(), "Running"),
        (s.Submitted(), "Running"),
        (s.Running(), "Running"),
        (s.Cancelling(), "Cancelled"),
        (OK, None),
    ],
)
def test_beginnings(state: s.State | None, expected: str | None) -> None:
    """A flow run begins from every state but a final one; one that is being stopped ends Cancelled."""
    found = flow_pipeline.begin(state)
    assert (found.kind if found else None) == expected


def test_triggers_as_json() -> None:
    """A trigger is written as its dotted name and its bounds."""
    assert triggers.describe(triggers.always_run) == {"fn": "towpath.triggers.all_finished", "kwargs": {}}
    assert triggers.describe(triggers.some_failed(at_least=1)) == {
        "fn": "towpath.triggers.some_failed",
        "kwargs": {"at_least": 1, "at_most": None},
    }
    assert triggers.describe(signals.FAIL)["fn"] == "towpath.engine.signals.FAIL"
