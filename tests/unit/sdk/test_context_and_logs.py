"""The context, and the way of log records and prints to the reporter."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime
from typing import Any

import pytest

from towpath import Flow, Parameter, context, get_logger, task
from towpath.executors import LocalDaskExecutor
from towpath.testing import ManualClock, MemoryReporter


def test_reading_and_adding() -> None:
    """The context is read by attribute, item and get; a `with` block adds values and takes them back."""
    with context(a=1, b=2), context(b=3):
        assert (context.a, context["b"], context.get("c", 4), "a" in context, "c" in context) == (1, 3, 4, True, False)
        assert context.to_dict() == {"a": 1, "b": 3}
    assert context.get("a") is None
    with pytest.raises(AttributeError, match="no 'a' here"):
        _ = context.a
    with pytest.raises(KeyError):
        _ = context["a"]


def test_a_thread_has_its_own_context() -> None:
    """What one thread adds, another does not see."""
    seen: list[Any] = []
    with context(a=1):
        thread = threading.Thread(target=lambda: seen.append(context.get("a")))
        thread.start()
        thread.join()
    assert seen == [None]


@pytest.mark.parametrize("executor", [None, LocalDaskExecutor(num_workers=2)], ids=["local", "threads"])
def test_a_task_finds_the_keys_of_prefect_1(executor: Any) -> None:
    """Inside a task there are the run's and the task's keys."""

    @task(tags=["t"])
    def look(p: int) -> dict[str, Any]:
        return context.to_dict()

    with Flow("f") as flow:
        made = look.map([Parameter("p", 5)])
    when = datetime(2026, 3, 1, 12, tzinfo=UTC)
    state = flow.run(clock=ManualClock(when), context={"flow_run_id": "id"}, executor=executor)
    found = state.result[made].result[0]
    expected = {
        "flow_name": "f",
        "flow_run_id": "id",
        "parameters": {"p": 5},
        "date": when,
        "scheduled_start_time": when,
        "today": "2026-03-01",
        "yesterday": "2026-02-28",
        "tomorrow": "2026-03-02",
        "today_nodash": "20260301",
        "task_name": "look",
        "task_slug": "look-t-1",
        "task_full_name": "look[0]",
        "task_tags": {"t"},
        "task_run_count": 1,
        "map_index": 0,
        "checkpointing": False,
        "running_with_backend": False,
    }
    assert {key: found[key] for key in expected} == expected


@pytest.mark.parametrize("executor", [None, LocalDaskExecutor(num_workers=2)], ids=["local", "threads"])
def test_records_reach_the_reporter_with_their_task(executor: Any) -> None:
    """Records of `context.logger` and `get_logger` come with task, child, level and text; those of the flow without a task."""

    @task
    def talk(x: int) -> None:
        context.logger.warning("x is %d", x)
        get_logger("mine").debug("too quiet")
        get_logger("mine").info("hello")

    with Flow("f") as flow:
        talk.map([7])
    reporter = MemoryReporter()
    flow.run(reporter=reporter, executor=executor)
    own = [(e.slug, e.map_index, e.level, e.logger, e.message) for e in reporter.logs if e.slug]
    assert own == [
        ("talk-1", 0, "WARNING", "towpath.task.talk", "x is 7"),
        ("talk-1", 0, "INFO", "towpath.mine", "hello"),
    ]
    flows = [(e.level, e.message) for e in reporter.logs if not e.slug]
    assert flows == [
        ("INFO", "Beginning flow run of 'f'"),
        ("INFO", "Flow run of 'f' is Success: All reference tasks succeeded."),
    ]
    assert all(e.at.tzinfo is UTC for e in reporter.logs)


def test_a_failure_is_logged_with_its_traceback() -> None:
    """The log of a failing task has the error and where it happened."""

    @task
    def bad() -> None:
        raise ValueError("oh no")

    with Flow("f") as flow:
        bad()
    reporter = MemoryReporter()
    flow.run(reporter=reporter)
    (entry,) = [e for e in reporter.logs if e.slug]
    assert entry.level == "ERROR"
    assert "Traceback" in entry.message
    assert "oh no" in entry.message


@pytest.mark.parametrize("executor", [None, LocalDaskExecutor(num_workers=2)], ids=["local", "threads"])
def test_prints_become_records_where_wanted(executor: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """With log_stdout, each printed line of a task is a record of it; other prints stay prints."""

    @task(log_stdout=True)
    def say(x: int) -> None:
        print("one", x)
        print("two", end="")

    @task
    def plain() -> None:
        print("plain")

    with Flow("f") as flow:
        say.map([1, 2])
        plain()
    reporter = MemoryReporter()
    flow.run(reporter=reporter, executor=executor)
    for index in (0, 1):
        assert [e.message for e in reporter.logs if (e.slug, e.map_index) == ("say-1", index)] == [f"one {index + 1}", "two"]
    assert capsys.readouterr().out == "plain\n"


def test_records_outside_of_runs_are_nobodys(caplog: pytest.LogCaptureFixture) -> None:
    """A record outside of any run goes to ordinary logging only."""
    with caplog.at_level(logging.INFO, "towpath"):
        get_logger().info("alone")
    assert caplog.messages == ["alone"]
