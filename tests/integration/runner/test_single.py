"""A container's first process, here without a container: it supervises one run to its end and says by its exit status how that went."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.integration.runner.test_ends import _end, _flow
from towpath.client.testing import Refusal
from towpath.runner.launch import Launch, environment
from towpath.runner.single import DIED, UNBEGUN


class Single:
    """The process, started as an agent would have it started."""

    def __init__(self, bench: Any, what: str, **env: str) -> None:
        self.run = bench.create(_flow(), parameters={"what": what})
        claimed = bench.claim()
        launch = Launch(flow_run_id=claimed.id, fence=claimed.fence, run_token=claimed.run_token, flow_id=claimed.flow_id, env=env)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "towpath.runner.single"],
            env=environment(launch, base=os.environ, api_url=bench.settings.api_url),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def end(self) -> tuple[int, str]:
        output, _ = self.process.communicate(timeout=30)
        return self.process.returncode, output


def test_a_run_that_ends_well(bench: Any, tmp_path: Path) -> None:
    """The run's process reports all itself; the exit status says that nothing is left to do."""
    single = Single(bench, f"note:{tmp_path / 'note'}")
    assert single.end()[0] == 0
    assert _end(single.run)[:2] == ("engine", "Success")


@pytest.mark.parametrize("what", ["segfault", "exit"])
def test_a_run_whose_process_dies(bench: Any, what: str) -> None:
    """The supervisor reports it before it ends."""
    single = Single(bench, what)
    assert single.end()[0] == DIED
    assert _end(single.run)[:2] == ("supervisor", "Failed")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_container_that_is_told_to_stop_leaves_its_run_to_the_api(bench: Any, number: signal.Signals) -> None:
    """That does not cancel a run: its task is interrupted and stays Running, and the supervisor says why the process is lost."""
    single = Single(bench, "hang")
    bench.running(single.run, "do-1")
    single.process.send_signal(number)
    assert single.end()[0] == DIED
    assert _end(single.run) == ("supervisor", "Failed", f"was told to stop with its container ({number.name})")
    assert set(single.run.task_states("do-1")) == {"Running"}


def test_a_container_that_is_stopped_because_its_run_is_cancelled(bench: Any) -> None:
    """A cluster can only send SIGTERM: the API says what it means, and the run ends Cancelled by its own word."""
    single = Single(bench, "hang")
    bench.running(single.run, "do-1")
    single.run.cancel = True
    single.process.send_signal(signal.SIGTERM)
    assert single.end()[0] == 0
    assert _end(single.run) == ("engine", "Cancelled", "The run was cancelled.")
    assert single.run.task_states("do-1") == ["Running", "Cancelled"]


def test_a_container_that_is_told_to_stop_while_the_api_is_away(bench: Any) -> None:
    """The run's process is stopped all the same, and the report waits for the API."""
    single = Single(bench, "hang")
    bench.running(single.run, "do-1")
    (child,) = (c for c in psutil.Process(single.process.pid).children() if os.getpgid(c.pid) == c.pid)
    bench.api.stop()
    single.process.send_signal(signal.SIGTERM)
    psutil.wait_procs([child], timeout=30)
    assert not child.is_running()
    bench.api.start()
    assert single.end()[0] == DIED
    assert _end(single.run)[:2] == ("supervisor", "Failed")


def test_a_stubborn_run_is_killed_when_its_grace_is_over(bench: Any) -> None:
    """The grace of the run config's env holds in a container, too."""
    single = Single(bench, "stubborn", TOWPATH_CANCEL_GRACE="0.3")
    bench.running(single.run, "do-1")
    single.process.send_signal(signal.SIGTERM)
    assert single.end()[0] == DIED
    words = "was told to stop with its container (SIGTERM); it did not stop when asked and was killed"
    assert _end(single.run) == ("supervisor", "Failed", words)


def test_a_poke_has_the_api_asked_at_once(bench: Any) -> None:
    """SIGUSR1 renews the lease now, and the answer says that the run is to be stopped: nobody waits for the next beat."""
    single = Single(bench, "hang")
    bench.running(single.run, "do-1")
    single.run.cancel = True
    single.process.send_signal(signal.SIGUSR1)
    assert single.end()[0] == 0
    assert _end(single.run)[:2] == ("engine", "Cancelled")


def test_a_run_that_cannot_be_begun(bench: Any) -> None:
    """A refusal that is no other owner's is the last line, and the exit status says that the run can be given back."""
    bench.api.failures["begin_run"] = [Refusal("BAD_REQUEST", "not today")] * 10
    status, output = Single(bench, "hang").end()
    assert status == UNBEGUN
    assert "could not be begun: not today" in output.splitlines()[-1]


def test_a_run_with_another_owner_is_left_alone(bench: Any) -> None:
    """It is not given back, for it is not ours to give."""
    bench.api.failures["begin_run"] = [Refusal("FENCED", "another has it")] * 10
    single = Single(bench, "hang")
    assert single.end()[0] == 0
    assert single.run.states == []


def test_without_a_run_it_says_what_is_missing() -> None:
    """Started by hand, it names the variables."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("TOWPATH_RUN")}
    ended = subprocess.run([sys.executable, "-m", "towpath.runner.single"], env=env, capture_output=True, text=True, timeout=30)
    assert ended.returncode == UNBEGUN
    assert "TOWPATH_RUN_TOKEN" in ended.stderr
