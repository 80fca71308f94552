"""What every executor does for the engine, whatever it runs tasks in. One suite for all."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from towpath import Flow, context, get_logger, task, unmapped
from towpath.engine.reporting import LogEntry
from towpath.engine.results import LocalResult
from towpath.engine.run import FlowRun
from towpath.engine.signals import FAIL, SKIP
from towpath.testing import MemoryReporter

Make = Callable[[], Any]


def run(flow: Flow, make: Make, **options: Any) -> tuple[Any, MemoryReporter]:
    """Run `flow` with a new executor."""
    reporter = options.pop("reporter", None) or MemoryReporter()
    return FlowRun(flow, executor=make(), reporter=reporter, **options).run(), reporter


def test_values_go_in_and_come_back(make: Make) -> None:
    """Values of all kinds, of classes of a script too, reach tasks and come back as themselves; a map is reduced to a list in order."""

    class Point:
        def __init__(self, x: int) -> None:
            self.x = x

    @task
    def point(x: int) -> Any:
        return Point(x)

    @task
    def total(points: list[Any], extra: Any) -> int:
        assert extra == {"none": None, "text": "ä", "bytes": b"\0", "deep": [(1, {2})]}
        return sum(p.x for p in points)

    with Flow("f") as flow:
        points = point.map(list(range(20)))
        made = total(points, {"none": None, "text": "ä", "bytes": b"\0", "deep": [(1, {2})]})
    state, _ = run(flow, make)
    assert state.is_successful(), state.result[made].message
    assert state.result[made].result == 190
    children = state.result[points].map_states
    assert [child.result.x for child in children] == list(range(20))
    assert all(isinstance(child.result, Point) for child in children)


def test_a_big_value_serves_many_tasks(make: Make) -> None:
    """A big value that all children of a map take is whole in each of them."""

    @task
    def big() -> dict[str, bytes]:
        return {"data": bytes(range(256)) * 4096}

    @task
    def look(index: int, value: dict[str, bytes]) -> int:
        return value["data"][index] + len(value["data"])

    with Flow("f") as flow:
        made = look.map(list(range(10)), unmapped(big()))
    state, _ = run(flow, make)
    assert state.result[made].result == [index + 2**20 for index in range(10)]


def test_tasks_find_their_context(make: Make) -> None:
    """The run's and the task's own context are there where a task runs."""

    @task(tags=["red"])
    def look(x: int) -> dict[str, Any]:
        names = ("flow_run_id", "flow_name", "task_name", "task_slug", "task_full_name", "map_index", "task_run_count")
        return {**{name: context.get(name) for name in names}, "tags": context.task_tags, "parameters": context.parameters}

    with Flow("f") as flow:
        made = look.map([5, 6])
    state, _ = run(flow, make, context={"flow_run_id": "run-7"})
    assert state.result[made].result[1] == {
        "flow_run_id": "run-7",
        "flow_name": "f",
        "task_name": "look",
        "task_slug": "look-red-1",
        "task_full_name": "look[1]",
        "map_index": 1,
        "task_run_count": 1,
        "tags": {"red"},
        "parameters": {},
    }


class Answering(MemoryReporter):
    """Writes a file when it hears a certain line."""

    def __init__(self, line: str, file: Path) -> None:
        super().__init__()
        self._line = line
        self._file = file

    def log(self, entry: LogEntry) -> None:
        super().log(entry)
        if entry.message == self._line:
            self._file.write_text("heard")


def test_logs_arrive_while_the_task_runs(make: Make, tmp_path: Path) -> None:
    """Log lines and prints reach the run's log, with their task and level, while the task goes on."""
    answer = tmp_path / "answer"

    @task(log_stdout=True)
    def talks(x: int, answer: Path) -> bool:
        get_logger("my.part").warning("number %d", x)
        print("is anybody there?")
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if answer.exists():
                return True
            time.sleep(0.01)
        return False

    with Flow("f") as flow:
        made = talks.map([7], unmapped(answer))
    state, reporter = run(flow, make, reporter=Answering("is anybody there?", answer))
    assert state.result[made].result == [True]
    found = [(e.level, e.logger, e.message, e.map_index) for e in reporter.logs if e.slug == "talks-1"]
    assert found == [("WARNING", "towpath.my.part", "number 7", 0), ("INFO", "towpath.task.talks", "is anybody there?", 0)]


def test_failures_tell_what_happened(make: Make) -> None:
    """An exception is the result of the failed state, its traceback is in the log; an exit of the task's is a failure, no more."""

    class OddError(Exception):
        def __init__(self, one: int, two: int) -> None:  # such a class cannot be unpickled
            super().__init__(f"{one} and {two}")

    @task
    def plain() -> None:
        raise ValueError("no")

    @task
    def odd() -> None:
        raise OddError(1, 2)

    @task
    def leaves() -> None:
        raise SystemExit(3)

    with Flow("f") as flow:
        a, b, c = plain(), odd(), leaves()
    state, reporter = run(flow, make)
    assert isinstance(state.result[a].result, ValueError)
    assert state.result[a].message == "Error during execution of task: ValueError('no')"
    assert "1 and 2" in str(state.result[b].result)
    assert state.result[c].message == "Error during execution of task: SystemExit(3)"
    (line,) = [e.message for e in reporter.logs if e.slug == "plain-1"]
    assert line.startswith("Task 'plain' failed: ValueError('no')\nTraceback")


def test_signals_end_tasks(make: Make) -> None:
    """What a task raises as a signal is the state it asked for."""

    @task
    def skips() -> None:
        raise SKIP("not today")

    @task
    def fails() -> None:
        raise FAIL("on purpose", result=7)

    with Flow("f") as flow:
        a, b = skips(), fails()
    state, _ = run(flow, make)
    assert (state.result[a].kind, state.result[a].message) == ("Skipped", "not today")
    assert (state.result[b].kind, state.result[b].result) == ("Failed", 7)


def test_retries_and_timeouts(make: Make) -> None:
    """A task that takes too long is TimedOut soon after, and tried again as its author wants."""

    @task(timeout=0.3, max_retries=1, retry_delay=0)
    def slow_once() -> int:
        while context.task_run_count == 1:
            time.sleep(0.01)
        return int(context.task_run_count)

    with Flow("f") as flow:
        made = slow_once()
    state, reporter = run(flow, make)
    assert state.result[made].result == 2
    assert reporter.kinds("slow_once-1") == ["Running", "TimedOut", "Retrying", "Running", "Success"]
    messages = [s.message for slug, _, s, _ in reporter.task_states if s.kind == "TimedOut"]
    assert messages == ["Timed out after 0.3 s."]


def test_workers_store_results(make: Make, tmp_path: Path) -> None:
    """Where results are kept, the state tells the place, and the value can be read there."""

    @task(result=LocalResult(str(tmp_path), location="{task_name}/{map_index}.pickle"))
    def give(x: int) -> int:
        return x * x

    with Flow("f") as flow:
        made = give.map([2, 3])
    state, _ = run(flow, make, checkpointing=True)
    receipts = [child._result for child in state.result[made].map_states]
    assert [receipt.location for receipt in receipts] == ["give/0.pickle", "give/1.pickle"]
    assert [LocalResult(str(tmp_path)).read(receipt.location).value for receipt in receipts] == [4, 9]


def test_cancelling_ends_what_runs(make: Make, tmp_path: Path) -> None:
    """A cancelled run ends soon: the task that runs is interrupted and cleans up, no other begins."""
    ran = tmp_path / "ran"
    ran.mkdir()

    @task
    def work(x: int, ran: Path) -> None:
        try:
            context.logger.info("begun")
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                time.sleep(0.01)
        finally:
            (ran / str(x)).touch()

    with Flow("f") as flow:
        work.map(list(range(30)), unmapped(ran))
    begun = threading.Event()

    class Waiting(MemoryReporter):
        def log(self, entry: LogEntry) -> None:
            super().log(entry)
            if entry.message == "begun":
                begun.set()

    reporter = Waiting()
    flow_run = FlowRun(flow, executor=make(), reporter=reporter)

    def stop() -> None:
        begun.wait(30)
        flow_run.cancel("enough")

    stopper = threading.Thread(target=stop)
    stopper.start()
    before = time.monotonic()
    state = flow_run.run()
    stopper.join()
    assert time.monotonic() - before < 30
    assert (state.kind, state.message) == ("Cancelled", "enough")
    cleaned = {int(file.name) for file in ran.iterdir()}
    assert 1 <= len(cleaned) <= 8
    ended = {index: reporter.kinds("work-1", index) for index in range(30)}
    assert all(ended[index] == ["Running", "Cancelled"] for index in cleaned)
    assert {kind for kinds in ended.values() for kind in kinds} == {"Running", "Cancelled"}


def test_a_task_that_kills_its_process_fails_alone(make: Make, apart: bool, tmp_path: Path) -> None:
    """Where tasks have processes of their own: one that dies fails its task with a clear sentence, is tried again if so wished, once per
    try, and everything else goes on in a new process.
    """
    if not apart:
        pytest.skip("tasks run in the engine's own process")
    tries = tmp_path / "tries"
    tries.mkdir()

    @task(max_retries=1, retry_delay=0)
    def dies(x: int, tries: Path) -> int:
        (tries / f"{x}-{context.task_run_count}-{os.getpid()}-{time.monotonic_ns()}").touch()
        if x == 1:
            os._exit(3)
        if x == 2 and context.task_run_count == 1:
            context.logger.info("last words")
            os.kill(os.getpid(), signal.SIGKILL)
        return x

    with Flow("f") as flow:
        made = dies.map([0, 1, 2, 3], unmapped(tries))
    state, reporter = run(flow, make)
    children = state.result[made].map_states
    assert [child.kind for child in children] == ["Success", "Failed", "Success", "Success"]
    assert reporter.kinds("dies-1", 1) == ["Running", "Failed", "Retrying", "Running", "Failed"]
    assert reporter.kinds("dies-1", 2) == ["Running", "Failed", "Retrying", "Running", "Success"]
    assert "process that ran the task" in children[1].message
    counted = sorted(file.name[:3] for file in tries.iterdir())
    assert counted == ["0-1", "1-1", "1-2", "2-1", "2-2", "3-1"]
    assert any(e.slug == "dies-1" and e.map_index == 1 and "process that ran the task" in e.message for e in reporter.logs)


def test_what_cannot_travel_is_named(make: Make, apart: bool) -> None:
    """Where tasks have processes of their own: an input or a value that cannot be pickled fails its task, and the sentence names it."""
    if not apart:
        pytest.skip("nothing has to travel")

    @task
    def give() -> Any:
        return {"lock": threading.Lock()}

    @task
    def take(x: Any) -> None: ...

    with Flow("f") as flow:
        a = give()
        b = take(threading.Lock())
    state, _ = run(flow, make)
    assert "what the task returned cannot be sent to another process" in state.result[a].message
    assert "item 'lock': a _thread.lock" in state.result[a].message
    assert "the input of task 'take', 'x', cannot be sent" in state.result[b].message


def test_it_leaves_nothing_behind_and_works_again(make: Make) -> None:
    """After a run no thread and no process is left; the same executor serves another run."""

    @task
    def same(x: int) -> int:
        return x

    with Flow("f") as flow:
        made = same.map([1, 2, 3])

    def processes() -> set[int]:
        return {child.pid for child in psutil.Process().children(recursive=True) if "resource_tracker" not in " ".join(child.cmdline())}

    def threads() -> set[threading.Thread]:
        return {thread for thread in threading.enumerate() if thread.name.startswith("towpath")}

    before, others = processes(), threads()  # of other tests
    executor = make()
    for _ in range(2):
        assert flow.run(executor=executor).result[made].result == [1, 2, 3]
    assert processes() - before == set()
    assert threads() - others == set()
