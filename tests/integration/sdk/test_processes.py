"""Real processes and signals: loading a flow elsewhere, interrupts, time limits, speed."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from towpath import Flow, get_logger, task
from towpath.engine.run import FlowRun
from towpath.executors import LocalDaskExecutor
from towpath.scripts import flows_in_script
from towpath.storage import pickle_flow
from towpath.testing import MemoryReporter

SCRIPT = """
import helper_beside
from dataclasses import dataclass
from towpath import Flow, Task, task

@dataclass
class Point:
    x: int
FACTOR = helper_beside.FACTOR

class Scale(Task):
    def run(self, p):
        return Point(p.x * FACTOR)

@task
def start():
    return Point(7)

with Flow("scripted") as flow:
    Scale()(start())

if __name__ == "__main__":
    import sys
    from towpath.storage import pickle_flow
    sys.stdout.buffer.write(pickle_flow(flow))
"""

LOAD = """
import sys
from towpath.storage import load_flow
flow = load_flow(sys.stdin.buffer.read())
state = flow.run()
print(state.kind, state.result[flow.get_tasks(name="Scale")[0]].result.x)
"""


def load_elsewhere(blob: bytes, folder: Path) -> str:
    """What a fresh process in another folder makes of `blob`."""
    done = subprocess.run([sys.executable, "-c", LOAD], input=blob, capture_output=True, cwd=folder, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().strip()


def test_a_script_loads_in_another_process(tmp_path: Path) -> None:
    """A flow of a script travels by value with its classes and globals: as `__main__`, and loaded by its path."""
    (tmp_path / "helper_beside.py").write_text("FACTOR = 3\n")
    script = tmp_path / "scripted.py"
    script.write_text(SCRIPT)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    as_main = subprocess.run([sys.executable, str(script)], capture_output=True, check=True).stdout
    assert load_elsewhere(as_main, elsewhere) == "Success 21"
    (flow,) = flows_in_script(script)
    assert load_elsewhere(pickle_flow(flow), elsewhere) == "Success 21"


INTERRUPTED = """
import os, signal, sys, time
from towpath import Flow, get_logger, task
from towpath.engine.run import FlowRun
from towpath.testing import MemoryReporter

@task
def first():
    print("running", flush=True)
    time.sleep(60)

@task
def second(x):
    print("must not run", flush=True)

with Flow("f") as flow:
    second(first())
reporter = MemoryReporter()
run = FlowRun(flow, reporter=reporter)
if sys.argv[1] == "SIGTERM":
    signal.signal(signal.SIGTERM, lambda *_: run.cancel("told to stop"))
state = run.run()
print(state.kind, state.message, reporter.kinds("first-1"), [s.kind for s, _ in reporter.flow_states], reporter.flushes)
"""


@pytest.mark.parametrize(
    ("name", "message"),
    [("SIGINT", "Interrupt signal raised, cancelling flow run."), ("SIGTERM", "told to stop")],
)
def test_signals_cancel_a_run(name: str, message: str) -> None:
    """Ctrl-C, or a handler that calls cancel, interrupts a sleeping task at once; the run ends Cancelled and reports it."""
    process = subprocess.Popen([sys.executable, "-c", INTERRUPTED, name], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "running\n"
    os.kill(process.pid, getattr(signal, name))
    rest, _ = process.communicate(timeout=60)
    assert rest == f"Cancelled {message} ['Running', 'Cancelled'] ['Running', 'Cancelled'] 1\n"
    assert process.returncode == 0


@pytest.mark.parametrize("workers", [None, 2], ids=["local", "threads"])
def test_another_thread_cancels_a_run(workers: int | None) -> None:
    """cancel() from another thread interrupts what runs and starts nothing more; the caller's thread is not hurt afterwards."""
    started = threading.Event()
    ran: list[int] = []

    @task
    def work(x: int) -> None:
        ran.append(x)
        started.set()
        while True:
            time.sleep(0.01)

    with Flow("f") as flow:
        work.map(list(range(20)))
    reporter = MemoryReporter()
    executor = None if workers is None else LocalDaskExecutor(num_workers=workers)
    run = FlowRun(flow, reporter=reporter, executor=executor)

    def stop() -> None:
        started.wait()
        run.cancel("enough")

    stopper = threading.Thread(target=stop)
    stopper.start()
    state = run.run()
    stopper.join()
    assert (state.kind, state.message) == ("Cancelled", "enough")
    assert 1 <= len(ran) <= (workers or 1)
    for index in ran:
        assert reporter.kinds("work-1", index) == ["Running", "Cancelled"]


def test_a_run_in_a_thread_can_be_cancelled() -> None:
    """A run outside of the main thread is interrupted too."""
    started = threading.Event()

    @task
    def work() -> None:
        started.set()
        while True:
            time.sleep(0.01)

    with Flow("f") as flow:
        work()
    run = FlowRun(flow)
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(run.run()))
    thread.start()
    started.wait()
    run.cancel("enough")
    thread.join(20)
    assert [state.kind for state in found] == ["Cancelled"]


def test_the_reporter_can_ask_for_cancellation() -> None:
    """When the reporter says so, no further task begins."""
    ran: list[int] = []
    reporter = MemoryReporter()

    @task
    def work(x: int) -> None:
        ran.append(x)
        reporter.cancel = x == 2

    with Flow("f") as flow:
        work.map(list(range(5)))
    assert flow.run(reporter=reporter).kind == "Cancelled"
    assert ran == [0, 1, 2]


@pytest.mark.parametrize("workers", [None, 2], ids=["local", "threads"])
def test_a_task_that_takes_too_long_times_out(workers: int | None) -> None:
    """A task past its timeout is TimedOut, even where it swallows exceptions; others are not touched."""

    @task(timeout=0.05)
    def slow() -> None:
        while True:
            try:
                time.sleep(0.005)
            except Exception:
                continue

    @task(timeout=60)
    def fast() -> int:
        return 1

    with Flow("f") as flow:
        a, b = slow(), fast()
    executor = None if workers is None else LocalDaskExecutor(num_workers=workers)
    state = flow.run(executor=executor)
    assert state.result[a].kind == "TimedOut"
    assert state.result[a].message == "Timed out after 0.05 s."
    assert isinstance(state.result[a].result, TimeoutError)
    assert state.result[b].result == 1
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_an_idle_task_costs_little() -> None:
    """A no-op task costs at most 0.15 ms, in a chain of 100 and in a map of 1,000."""

    @task
    def same(x: Any) -> Any:
        return x

    with Flow("chain") as chain:
        made = same(1)
        for _ in range(99):
            made = same(made)
    with Flow("map") as wide:
        same.map(list(range(1000)))
    for flow, count in ((chain, 100), (wide, 1000)):
        flow.run()
        best = min(_seconds(flow) for _ in range(5))
        assert best / count <= 0.15e-3, f"{best / count * 1e6:.0f} µs per task in {flow.name}"


def _seconds(flow: Flow) -> float:
    begin = time.perf_counter()
    assert flow.run().is_successful()
    return time.perf_counter() - begin


def test_a_log_filter_that_raises_does_not_stop_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    """Records of worker processes pass the filters of this process; one that raises costs its record only."""

    def broken(record: logging.LogRecord) -> bool:
        raise RuntimeError("this filter is broken")

    @task
    def speak(n: int) -> int:
        get_logger("filtered").warning("said")
        return n

    logger = get_logger("filtered")
    logger.addFilter(broken)
    try:
        with Flow("f") as flow:
            spoken = speak.map([1, 2, 3])
        state = flow.run(executor=LocalDaskExecutor("processes", num_workers=1))
    finally:
        logger.removeFilter(broken)
    assert [child.result for child in state.result[spoken].map_states] == [1, 2, 3]
    assert "this filter is broken" in capsys.readouterr().err
