"""Resources are opened before the tasks that use them and closed after them, whatever happens to tasks, run or process."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest

from towpath import Flow, Parameter, Task, resource_manager, task
from towpath.core.resources import ResourceManager
from towpath.engine import signals
from towpath.engine.run import FlowRun
from towpath.engine.state import State
from towpath.errors import FlowError
from towpath.executors import LocalDaskExecutor
from towpath.testing import ManualClock, MemoryReporter

said: list[str] = []
storms: set[str] = set()
"""What sinks."""


@pytest.fixture(autouse=True)
def _forget() -> None:
    said.clear()
    storms.clear()


@resource_manager
class Gate:
    """A gate that says what is done to it."""

    def __init__(self, name: str = "gate", broken: str = "") -> None:
        self.name, self.broken = name, broken
        if broken == "init":
            raise ValueError("no gate")

    def setup(self) -> str:
        said.append(f"open {self.name}")
        if self.broken == "setup":
            raise ValueError("stuck")
        if self.broken == "skip":
            raise signals.SKIP("no need")
        return self.name.upper()

    def cleanup(self, resource: str) -> None:
        said.append(f"close {resource}")
        if self.broken == "cleanup":
            raise ValueError("stuck open")


@task
def use(gate: str, boat: str = "boat") -> str:
    said.append(f"use {gate}")
    if boat in storms:
        raise ValueError("sunk")
    return gate


def locked(**options: Any) -> tuple[Flow, dict[str, Task]]:
    """A flow with one resource and two users of it, and something after."""
    with Flow("f") as flow:
        with Gate(**options) as gate:
            first = use(gate)
            second = use(first, "barge")
        after = use("after", upstream_tasks=[second])
    names = {t.name: t for t in flow.tasks}
    return flow, {"first": first, "second": second, "after": after, "cleanup": names["Gate.cleanup"], "setup": names["Gate.setup"]}


def test_open_use_close() -> None:
    """In that order, and the flow goes on behind it."""
    flow, tasks = locked()
    state = flow.run()
    assert state.is_successful()
    assert [line for line in said if "after" not in line] == ["open gate", "use GATE", "use GATE", "close GATE"]
    assert state.result[tasks["first"]].result == "GATE"


def test_closed_after_a_failure() -> None:
    """A task that fails, and one that does not run because of it, do not keep the resource open; the run fails by the task, not by it."""
    flow, tasks = locked()
    storms.add("barge")
    state = flow.run()
    assert state.is_failed()
    assert said[-1] == "close GATE"
    assert state.result[tasks["cleanup"]].is_successful()
    assert state.result[tasks["after"]].kind == "TriggerFailed"


@pytest.mark.parametrize(
    ("broken", "expected", "end"),
    [
        ("init", {"first": "TriggerFailed", "cleanup": "Skipped"}, "Failed"),
        ("setup", {"setup": "Failed", "first": "TriggerFailed", "cleanup": "Skipped"}, "Failed"),
        ("skip", {"setup": "Skipped", "first": "Skipped", "cleanup": "Skipped"}, "Success"),
        ("cleanup", {"first": "Success", "second": "Success", "cleanup": "Failed"}, "Success"),
    ],
)
def test_when_the_resource_itself_is_broken(broken: str, expected: dict[str, str], end: str) -> None:
    """What was not opened is not closed; a cleanup that fails is a failed task, but decides nothing."""
    flow, tasks = locked(broken=broken)
    state = flow.run()
    assert {name: state.result[tasks[name]].kind for name in expected} == expected
    assert state.kind == end


def test_a_cleanup_decides_nothing() -> None:
    """In its place the tasks before it are the reference tasks, unless something else follows them."""
    with Flow("f") as flow, Gate() as gate:
        users = {use(gate), use(gate)}
    assert flow.reference_tasks() == users
    with Flow("g") as flow, Gate():
        pass
    assert {t.name for t in flow.reference_tasks()} == {"Gate.setup"}


def test_users_that_take_nothing_wait_too() -> None:
    """A task in the block follows the opening and precedes the closing, though it does not take the resource; resources nest."""
    with Flow("f") as flow, Gate("outer"), Gate("inner") as inner:
        use(inner)
        use("nothing")
    flow.run()
    assert said[:1] == ["open outer"]
    assert said.index("use nothing") > said.index("open outer")
    assert said.index("close INNER") > max(said.index("use nothing"), said.index("use INNER"))
    assert said[-1] == "close OUTER"


def test_arguments_may_be_tasks() -> None:
    """What makes the manager takes parameters and results like any task; options of the three tasks may be given."""
    named = ResourceManager(Gate.resource_class, name="lock", cleanup_task_kwargs={"tags": ["late"]})
    with Flow("f") as flow, named(name=Parameter("p")) as gate:
        use(gate)
    flow.run(p="sluice")
    assert said == ["open sluice", "use SLUICE", "close SLUICE"]
    assert flow.get_tasks(tags=["late"])[0].name == "lock.cleanup"


def stored(reporter: MemoryReporter) -> dict[tuple[str, int], State]:
    return {(slug, index): State.from_dict(state.to_dict()) for slug, index, state, _ in reporter.task_states}


def test_a_resumed_run_opens_and_closes_its_own() -> None:
    """The user that failed runs again in another process: the resource is opened there and closed again; states stay what they were."""
    flow, _ = locked()
    reporter = MemoryReporter()
    storms.add("barge")
    FlowRun(flow, reporter=reporter, checkpointing=True).run()
    assert said[-1] == "close GATE"
    said.clear()
    storms.clear()
    states = {key: state for key, state in stored(reporter).items() if not key[0].startswith("use")}
    again = MemoryReporter()
    assert FlowRun(flow, initial_states=states, reporter=again, checkpointing=True).run().is_successful()
    assert said == ["open gate", "use GATE", "use GATE", "use after", "close GATE"]
    assert {slug for slug, *_ in again.task_states} == {"use-1", "use-2", "use-3"}


def test_a_resumed_run_that_needs_nothing_opens_nothing() -> None:
    """What is done is done."""
    flow, _ = locked()
    reporter = MemoryReporter()
    FlowRun(flow, reporter=reporter, checkpointing=True).run()
    said.clear()
    FlowRun(flow, initial_states=stored(reporter), checkpointing=True).run()
    assert said == []


def test_a_cancelled_run_closes_what_it_has_opened() -> None:
    """No new task begins, but the resource is closed, and its task says so."""
    begun = threading.Event()

    @task
    def wait(gate: str) -> None:
        begun.set()
        while True:
            threading.Event().wait(0.01)

    with Flow("f") as flow, Gate() as gate:
        use(wait(gate))
    reporter = MemoryReporter()
    run = FlowRun(flow, reporter=reporter, executor=LocalDaskExecutor(num_workers=2))
    threading.Thread(target=lambda: (begun.wait(), run.cancel("enough"))).start()
    assert run.run().is_cancelled()
    assert said == ["open gate", "close GATE"]
    assert reporter.kinds("Gate.cleanup-1") == ["Success"]


@pytest.mark.parametrize("workers", [None, 2], ids=["local", "threads"])
def test_a_process_that_is_told_to_stop_closes_what_it_has_opened_and_ends_nothing(workers: int | None) -> None:
    """What is interrupted stays Running, and so does the flow run: another process opens its own and goes on."""
    begun = threading.Event()
    stops = [True]

    @task
    def wait(gate: str) -> str:
        begun.set()
        while stops:
            threading.Event().wait(0.01)
        return gate

    with Flow("f") as flow, Gate() as gate:
        use(wait(gate))
    reporter = MemoryReporter()
    run = FlowRun(flow, reporter=reporter, executor=workers and LocalDaskExecutor(num_workers=workers), checkpointing=True)
    threading.Thread(target=lambda: (begun.wait(), run.leave("was told to stop"))).start()
    assert run.run().is_running()
    assert said == ["open gate", "close GATE"]
    assert [reporter.kinds(slug) for slug in ("wait-1", "use-1", "Gate.cleanup-1")] == [["Running"], [], []]
    assert [state.kind for state, _ in reporter.flow_states] == ["Running"]
    stops.clear()
    done = {key: state for key, state in stored(reporter).items() if state.is_finished()}
    assert FlowRun(flow, initial_states=done, checkpointing=True).run().is_successful()


def test_a_run_that_leaves_its_process_closes_what_it_has_opened() -> None:
    """A retry an hour away does not keep the resource open; the next process opens its own."""

    @task(max_retries=1, retry_delay=timedelta(hours=1))
    def tries(gate: str) -> str:
        said.append(f"try {gate}")
        if said.count("try GATE") == 1:
            raise ValueError
        return gate

    with Flow("f") as flow, Gate() as gate:
        tries(gate)
    reporter, clock = MemoryReporter(), ManualClock()
    state = FlowRun(flow, reporter=reporter, clock=clock, checkpointing=True, max_wait=timedelta(minutes=1)).run()
    assert (state.kind, said) == ("Running", ["open gate", "try GATE", "close GATE"])
    assert reporter.kinds("Gate.cleanup-1") == []
    clock.time += timedelta(hours=2)
    state = FlowRun(flow, initial_states=stored(reporter), clock=clock, reporter=reporter, checkpointing=True).run()
    assert state.is_successful()
    assert said[3:] == ["open gate", "try GATE", "close GATE"]
    assert reporter.kinds("Gate.cleanup-1") == ["Running", "Success"]


def test_a_resource_outside_of_a_flow() -> None:
    """Is refused with what to do."""
    with pytest.raises(FlowError, match="outside of a flow"):
        Gate()
