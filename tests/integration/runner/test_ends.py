"""Real processes that die, hang, or lose their API: what is reported, and what is not."""

from __future__ import annotations

import os
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from towpath import Flow, Parameter, task

__towpath_script__ = True  # what is defined here goes to the run's process by value


@task
def do(what: str) -> str:
    import ctypes
    import os
    import signal
    import subprocess
    import time

    if what == "segfault":
        ctypes.string_at(0)
    elif what == "exit":
        os._exit(3)
    elif what == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        while True:
            time.sleep(600)
    elif what.startswith("spawn:"):
        helper = subprocess.Popen(["sleep", "600"])
        with open(what.removeprefix("spawn:"), "w") as f:
            f.write(str(helper.pid))
        os._exit(1)
    elif what.startswith("note:"):
        open(what.removeprefix("note:"), "x").close()
    elif what.startswith("until:"):
        while not os.path.exists(what.removeprefix("until:")):
            time.sleep(0.01)
    else:
        time.sleep(600)
    return what


@task
def after(x: str) -> str:
    return x


def _flow() -> Flow:
    with Flow("fate") as flow:
        after(do(Parameter("what")))
    return flow


def _end(run: Any) -> tuple[str, str, str]:
    reporter, slug, _, state = run.states[-1]
    assert slug is None
    return reporter, state["type"], state["message"]


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("segfault", "died of a segmentation fault (SIGSEGV)"),
        ("exit", "exited with status 3 before it reported a final state"),
    ],
)
def test_a_crash_is_reported_at_once(bench: Any, what: str, message: str) -> None:
    """A process that dies by its own code is reported Failed by the supervisor, with the way in which it died."""
    run, _ = bench.start(_flow(), parameters={"what": what})
    bench.api.wait_for(lambda: run.state == "Failed")
    assert _end(run) == ("supervisor", "Failed", message)


def test_a_kill_is_reported_at_once(bench: Any) -> None:
    """A process that gets SIGKILL is reported Failed; nobody claims to know that memory was the cause."""
    run, pid = bench.start(_flow(), parameters={"what": "hang"})
    bench.running(run, "do-1")
    os.kill(pid, signal.SIGKILL)
    bench.api.wait_for(lambda: run.state == "Failed")
    assert _end(run) == ("supervisor", "Failed", "was killed (SIGKILL; memory may be short)")


def test_what_a_dead_run_left_behind_ends_too(bench: Any, tmp_path: Path, gone: Any) -> None:
    """Processes that the run's code has started are ended with it."""
    note = tmp_path / "pid"
    run, _ = bench.start(_flow(), parameters={"what": f"spawn:{note}"})
    bench.api.wait_for(lambda: run.state == "Failed")
    gone(int(note.read_text()))


def test_a_cancelled_run_that_hangs_is_interrupted(bench: Any) -> None:
    """When a renewal says cancel, the hanging task is interrupted and the run reports Cancelled itself."""
    run, _ = bench.start(_flow(), parameters={"what": "hang"})
    bench.running(run, "do-1")
    run.cancel = True
    bench.link.renew_soon()
    bench.api.wait_for(lambda: run.state == "Cancelled")
    assert _end(run)[:2] == ("engine", "Cancelled")
    assert run.task_states("do-1") == ["Running", "Cancelled"]
    assert run.task_states("after-1") == []
    assert bench.ended(run)["ended"] == "final"


def test_a_run_that_will_not_stop_is_killed_after_its_grace(bench: Any) -> None:
    """A run that ignores every polite signal is killed when its grace is over, and the supervisor reports Cancelled."""
    run, _ = bench.start(_flow(), parameters={"what": "stubborn"}, env={"TOWPATH_CANCEL_GRACE": "0.3"})
    bench.running(run, "do-1")
    run.cancel = True
    bench.link.renew_soon()
    bench.api.wait_for(lambda: run.state == "Cancelled")
    assert _end(run) == ("supervisor", "Cancelled", "The run was cancelled; it did not stop when asked and was killed.")


def test_sigterm_to_a_run_does_not_cancel_it(bench: Any) -> None:
    """Nobody has cancelled the run: its process goes, and the supervisor says that it was told to."""
    run, pid = bench.start(_flow(), parameters={"what": "hang"})
    bench.running(run, "do-1")
    os.kill(pid, signal.SIGTERM)
    bench.api.wait_for(lambda: run.state == "Failed")
    assert _end(run) == ("supervisor", "Failed", "was told to stop (SIGTERM)")


def test_a_runner_that_is_told_to_stop_leaves_its_runs_to_the_api(bench: Any, gone: Any) -> None:
    """One of its runs is being cancelled, the other is not: each ends by what is true of it, and the runner ends with them."""
    one, _ = bench.start(_flow(), parameters={"what": "hang"})
    other, _ = bench.start(_flow(), parameters={"what": "hang"})
    for run in (one, other):
        bench.running(run, "do-1")
    one.cancel = True
    os.kill(bench.link.greeting["pid"], signal.SIGTERM)
    bench.api.wait_for(lambda: one.state == "Cancelled" and other.state == "Failed")
    assert _end(one)[:2] == ("engine", "Cancelled")
    assert _end(other) == ("supervisor", "Failed", "was told to stop with the runner of this machine (SIGTERM)")
    gone(bench.link.greeting["pid"])


def test_a_fenced_run_stops_and_says_nothing(bench: Any, tmp_path: Path, gone: Any) -> None:
    """When the run has got another owner, the process of the old one ends by the next answer, and none of its reports is stored."""
    go = tmp_path / "go"
    run, pid = bench.start(_flow(), parameters={"what": f"until:{go}"})
    bench.running(run, "do-1")
    before = list(run.states)
    run.fence += 1
    go.touch()
    gone(pid)
    assert bench.ended(run)["ended"] == "refused"
    assert run.states == before


def test_a_fence_is_noticed_by_the_supervisor_too(bench: Any, gone: Any) -> None:
    """A hanging process whose run has another owner is ended by its supervisor, which reports nothing."""
    run, pid = bench.start(_flow(), parameters={"what": "stubborn"}, env={"TOWPATH_CANCEL_GRACE": "0.2"})
    bench.running(run, "do-1")
    before = list(run.states)
    run.fence += 1
    bench.link.renew_soon()
    gone(pid)
    bench.ended(run)
    assert run.states == before


def test_an_absent_api_stops_nothing_and_loses_nothing(bench: Any, tmp_path: Path) -> None:
    """While the API is away tasks go on; when it is back, every state arrives once and in order."""
    first, second = tmp_path / "first", tmp_path / "second"
    with Flow("two") as flow:
        do(Parameter("b"), upstream_tasks=[do(Parameter("a"))])
    run, pid = bench.start(flow, parameters={"a": f"until:{first}", "b": f"note:{second}"})
    bench.running(run, "do-1")
    bench.api.stop()
    first.touch()
    bench.appears(second)  # the second task has run, with nobody to report to
    bench.api.start()
    bench.api.wait_for(lambda: run.state == "Success")
    assert run.task_states("do-1") == run.task_states("do-2") == ["Running", "Success"]
    assert run.flow_states == ["Running", "Success"]
    assert (bench.ended(run)["ended"], psutil.pid_exists(pid)) == ("final", False)


def test_a_crash_is_reported_when_the_api_is_back(bench: Any) -> None:
    """A crash during an outage is kept and reported as soon as the API answers."""
    run, pid = bench.start(_flow(), parameters={"what": "hang"})
    bench.running(run, "do-1")
    bench.api.stop()
    os.kill(pid, signal.SIGKILL)
    assert bench.ended(run)["ended"] == "reported"
    bench.link.close()  # not even an agent is needed
    bench.api.start()
    bench.api.wait_for(lambda: run.state == "Failed")
    assert _end(run)[0] == "supervisor"


def test_leases_are_renewed_for_all_runs_in_one_call(bench: Any) -> None:
    """The runner renews the leases of all its runs together."""
    runs = [bench.start(_flow(), parameters={"what": "hang"})[0] for _ in range(3)]
    for run in runs:
        bench.running(run, "do-1")
    bench.link.renew_soon()
    bench.api.wait_for(lambda: all(run.renewed for run in runs))
    assert {lease["flow_run_id"] for lease in bench.api.of("renew_leases")[0]["input"]["leases"]} == {run.id for run in runs}


def test_a_hung_api_does_not_delay_a_launch(bench: Any) -> None:
    """While the API hangs in the middle of a renewal, the runner starts the next process at once."""
    run, _ = bench.start(_flow(), parameters={"what": "hang"})
    bench.running(run, "do-1")
    bench.create(_flow(), parameters={"what": "hang"})
    claimed = bench.claim()
    asked, answer = threading.Event(), threading.Event()

    def hang(variables: dict[str, Any]) -> dict[str, Any]:
        asked.set()
        answer.wait(10)
        return {"results": []}

    bench.api.answers["renew_leases"] = hang
    bench.link.renew_soon()
    assert asked.wait(10)
    began = time.monotonic()
    launched = bench.launch(claimed)
    took = time.monotonic() - began
    answer.set()
    assert launched["op"] == "launched"
    assert took < 1.0


def test_a_runner_with_other_code_retires(bench: Any, settings: Any, tmp_path: Path, gone: Any) -> None:
    """An agent that holds something else gets a runner of its own; the old one ends with its last run, which it still reports."""
    go = tmp_path / "go"
    run, _ = bench.start(_flow(), parameters={"what": f"until:{go}"})
    bench.running(run, "do-1")
    old = bench.link.greeting["pid"]
    bench.link.close()
    bench.settings = replace(settings, home=tmp_path / "other")
    assert bench.new_link().connect()["pid"] != old
    go.touch()
    bench.api.wait_for(lambda: run.state == "Success")
    gone(old)


def test_children_die_with_their_runner(bench: Any, gone: Any) -> None:
    """When the runner is killed, the kernel ends its runs: no process is left without a supervisor."""
    run, pid = bench.start(_flow(), parameters={"what": "stubborn"})
    bench.running(run, "do-1")
    os.kill(bench.link.greeting["pid"], signal.SIGKILL)
    gone(pid)


def test_a_new_link_finds_the_runner_and_its_runs(bench: Any) -> None:
    """Runs go on when their agent leaves; the next agent is told of them by the same runner."""
    run, pid = bench.start(_flow(), parameters={"what": "hang"})
    bench.running(run, "do-1")
    runner = bench.link.greeting["pid"]
    bench.link.close()
    greeting = bench.new_link().connect()
    assert greeting["pid"] == runner
    assert greeting["runs"] == [{"flow_run_id": run.id, "fence": 1, "pid": pid, "stage": "begun"}]


class _SlowToLoad:
    def __init__(self, note: str) -> None:
        self.note = note

    def __reduce__(self) -> Any:
        return _load_slowly, (self.note,)


def _load_slowly(note: str) -> None:
    import time

    open(note, "x").close()
    time.sleep(600)


def test_a_run_can_be_cancelled_while_its_code_is_loaded(bench: Any, tmp_path: Path) -> None:
    """Code that hangs while it is loaded is interrupted like a task, and the run ends Cancelled."""
    note = tmp_path / "loading"
    flow = _flow()
    flow.trap = _SlowToLoad(str(note))
    run, _ = bench.start(flow, parameters={"what": "hang"})
    bench.appears(note)
    run.cancel = True
    bench.link.renew_soon()
    bench.api.wait_for(lambda: run.state == "Cancelled")
    assert _end(run) == ("engine", "Cancelled", "The run was cancelled.")


@task
def use_a_pool() -> list[int]:
    import multiprocessing

    found = []
    for _ in range(30):  # a signal that meets a worker in its first moments must not be lost
        with multiprocessing.get_context("fork").Pool(2) as pool:  # leaving it ends the workers by SIGTERM
            found = pool.map(abs, [-1, -2])
    return found


def test_worker_processes_of_a_task_end_as_they_should(bench: Any) -> None:
    """A task may use multiprocessing: its workers inherit none of the run's ways to stop."""
    with Flow("pool") as flow:
        use_a_pool()
    run, _ = bench.start(flow)
    assert bench.ended(run)["ended"] == "final"
    assert run.state == "Success"
    assert "Traceback" not in bench.output()
