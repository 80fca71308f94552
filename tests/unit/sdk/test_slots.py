"""Task runs under concurrency limits: they ask before they run, wait without being in anybody's way, and hold nothing they do not use."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence, Set
from datetime import timedelta
from typing import Any

import pytest

from towpath import Flow, context, task
from towpath.engine.run import FlowRun
from towpath.engine.slots import Key, SlotAnswer
from towpath.executors import LocalDaskExecutor
from towpath.testing import ManualClock, MemoryReporter

SECOND = timedelta(seconds=1)


class Desk:
    """Gives slots out as the API does: a task run has its slot until it has ended; first come, first served in each question.

    Args:
        sizes: Slots by tag.
        reporter: Where it sees who has ended.
        tags: Of each task, by slug.
    """

    def __init__(self, sizes: dict[str, int], reporter: MemoryReporter, tags: dict[str, Set[str]], clock: ManualClock) -> None:
        self.sizes, self.reporter, self.tags, self.clock = sizes, reporter, tags, clock
        self.questions: list[tuple[list[Key], int]] = []
        self.held: set[Key] = set()
        self.most_held = 0
        self.before_answer: Callable[[int], None] = lambda number: None

    def limited(self, tags: Set[str]) -> frozenset[str]:
        return frozenset(self.sizes) & tags

    def ask(self, tasks: Sequence[Key], most: int, answered: Callable[[SlotAnswer], None]) -> None:
        self.questions.append((list(tasks), most))
        self.before_answer(len(self.questions))
        last = {(slug, index): state for slug, index, state, _ in self.reporter.task_states}
        self.held = {key for key in self.held if key not in last or not (last[key].is_finished() or last[key].kind == "Retrying")}
        granted: set[Key] = set()
        waiting: dict[Key, str | None] = {}
        for key in tasks:
            need = [t for t in self.tags[key[0]] if t in self.sizes]
            full = [t for t in need if sum(t in self.tags[slug] for slug, _ in self.held) >= self.sizes[t]]
            if len(granted) >= most:
                waiting[key] = None
            elif full:
                waiting[key] = f"Waits for {full[0]}."
            else:
                granted.add(key)
                self.held.add(key)
        self.most_held = max(self.most_held, len(self.held))
        threading.Thread(target=answered, args=(SlotAnswer(granted, waiting, SECOND),)).start()


def run(flow: Flow, sizes: dict[str, int], workers: int | None = None, hook: Callable[[Desk, int], None] | None = None) -> Any:
    """Run a flow under limits: (its state, what was reported, the desk)."""
    clock, reporter = ManualClock(), MemoryReporter()
    desk = Desk(sizes, reporter, {slug: one.tags for one, slug in flow.slugs.items()}, clock)
    if hook is not None:
        desk.before_answer = lambda number: hook(desk, number)
    executor = None if workers is None else LocalDaskExecutor(num_workers=workers)
    return FlowRun(flow, clock=clock, reporter=reporter, executor=executor, limits=desk).run(), reporter, desk


@pytest.mark.parametrize("workers", [None, 4], ids=["local", "threads"])
def test_never_more_run_than_there_are_slots(workers: int | None) -> None:
    """Ten children under a limit of two: two at most run at once, each runs once, and nobody else waits for them."""
    lock, inside, most = threading.Lock(), 0, 0

    @task(tags=["db"])
    def work(x: int) -> int:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        with lock:
            inside -= 1
        return x

    with Flow("f") as flow:
        made = work.map(list(range(10)))
    state, reporter, desk = run(flow, {"db": 2}, workers)
    assert state.is_successful()
    assert state.result[made].result == list(range(10))
    assert most <= 2
    assert desk.most_held <= (1 if workers is None else 2), "no slot is held by a task run that waits for a worker"
    for index in range(10):
        assert [k for k in reporter.kinds("work-db-1", index) if k != "Queued"] == ["Running", "Success"]
        assert reporter.kinds("work-db-1", index).count("Queued") <= 1


def test_what_waits_is_queued_and_holds_up_nobody() -> None:
    """A task run without a slot is Queued once, with the reason; others run meanwhile; it asks again after the time that it was told."""

    @task(tags=["db"])
    def limited() -> str:
        return "limited"

    @task
    def free(x: int) -> int:
        return x + 1

    def open_later(desk: Desk, number: int) -> None:
        if number == 3:
            desk.sizes["db"] = 1

    with Flow("f") as flow:
        made = limited()
        chain = free(free(1))
    state, reporter, desk = run(flow, {"db": 0}, hook=open_later)
    assert state.is_successful()
    assert (state.result[made].result, state.result[chain].result) == ("limited", 3)
    assert reporter.kinds("limited-db-1") == ["Queued", "Running", "Success"]
    (queued,) = [s for slug, _, s, _ in reporter.task_states if slug == "limited-db-1" and s.kind == "Queued"]
    assert queued.message == "Waits for db."
    ended = {slug: at for slug, _, s, at in reporter.task_states if s.kind == "Success"}
    assert ended["free-2"] < ended["limited-db-1"] == ended["free-2"] + 2 * SECOND
    assert [tasks for tasks, _ in desk.questions] == [[("limited-db-1", -1)]] * 3


def test_waiting_for_one_limit_hides_nobody_who_waits_for_another() -> None:
    """Many wait for a full limit; one under another limit is asked for in the same question, and runs."""

    @task(tags=["full"])
    def stuck(x: int) -> int:
        return x

    @task(tags=["open"])
    def goes(x: int) -> int:
        return x

    def open_later(desk: Desk, number: int) -> None:
        if any(slug == "goes-open-1" and s.is_finished() for slug, _, s, _ in desk.reporter.task_states):
            desk.sizes["full"] = 5

    with Flow("f") as flow:
        stuck.map(list(range(20)))
        goes(1)
    state, reporter, desk = run(flow, {"full": 0, "open": 1}, hook=open_later)
    assert state.is_successful()
    assert reporter.kinds("goes-open-1") in (["Running", "Success"], ["Queued", "Running", "Success"])
    assert all(most == 1 for _, most in desk.questions), "one worker, one slot"
    assert all(sum(slug == "stuck-full-1" for slug, _ in tasks) <= 1 for tasks, _ in desk.questions)


def test_nothing_is_asked_where_no_limit_is() -> None:
    """Tasks without tags, and with tags that no limit is on, run at once."""

    @task(tags=["other"])
    def tagged() -> int:
        return 1

    with Flow("f") as flow:
        tagged()
    state, reporter, desk = run(flow, {"db": 0})
    assert state.is_successful()
    assert desk.questions == []
    assert reporter.kinds("tagged-other-1") == ["Running", "Success"]


def test_each_try_asks_anew() -> None:
    """A retry gives the slot back while it waits for its time, and asks for one again; the number of the try is kept while it is Queued."""

    @task(tags=["db"], max_retries=1, retry_delay=timedelta(minutes=5))
    def flaky() -> int:
        if context.task_run_count == 1:
            raise OSError("first")
        return int(context.task_run_count)

    def shut(desk: Desk, number: int) -> None:
        desk.sizes["db"] = 0 if number == 2 else 1

    with Flow("f") as flow:
        made = flaky()
    state, reporter, desk = run(flow, {"db": 1}, hook=shut)
    assert state.result[made].result == 2
    assert reporter.kinds("flaky-db-1") == ["Running", "Failed", "Retrying", "Queued", "Running", "Success"]
    (queued,) = [s for _, _, s, _ in reporter.task_states if s.kind == "Queued"]
    assert queued.context["task_run_count"] == 2
    assert len(desk.questions) == 3


def test_a_skipped_task_asks_for_nothing() -> None:
    """Who will not run, for what happened upstream, takes no slot."""
    from towpath.engine.signals import SKIP

    @task
    def skips() -> None:
        raise SKIP("no")

    @task(tags=["db"])
    def after(x: Any) -> Any:
        return x

    with Flow("f") as flow:
        after(skips())
    _, reporter, desk = run(flow, {"db": 0})
    assert reporter.kinds("after-db-1") == ["Skipped"]
    assert desk.questions == []


def test_a_run_is_cancelled_while_it_waits() -> None:
    """Cancelling does not wait for a slot."""

    @task(tags=["db"])
    def never() -> None: ...

    def cancel(desk: Desk, number: int) -> None:
        desk.reporter.cancel = number == 2

    with Flow("f") as flow:
        never()
    state, reporter, _ = run(flow, {"db": 0}, hook=cancel)
    assert state.is_cancelled()
    assert "Running" not in reporter.kinds("never-db-1")
