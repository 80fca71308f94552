"""Dask clusters that do not come up, or cannot run a flow: the run ends soon, says why, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import sys
import sysconfig
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from distributed import SpecCluster, Status

from tests.integration.sdk.foreign import Foreign
from towpath import Flow, task
from towpath.engine.run import FlowRun
from towpath.executors import DaskExecutor, dask_cluster
from towpath.testing import MemoryReporter


@task
def one() -> int:
    return 1


def _flow() -> Flow:
    with Flow("one") as flow:
        one()
    return flow


class Remote:
    """A scheduler that costs money from when it is asked for until it is closed, and that never answers."""

    made: list[Remote]
    asked: threading.Event

    def __init__(self, **_: Any) -> None:
        self.status = Status.created
        self.address = "tcp://127.0.0.1:1"
        self.made.append(self)

    def __await__(self) -> Any:
        async def begin() -> Remote:
            self.status = Status.starting
            self.asked.set()
            await asyncio.Event().wait()
            return self

        return begin().__await__()

    async def close(self) -> None:
        """Give it back."""
        self.status = Status.closed


class Slow(SpecCluster):
    """A cluster whose scheduler does not come up, with a thing of its own that a finalizer deletes on the cluster's loop."""

    deleted: list[str]

    def __init__(self, **more: Any) -> None:
        import weakref

        self.finalizer = weakref.finalize(self, self._delete_role)
        super().__init__(scheduler={"cls": Remote, "options": {}}, **more)

    def _delete_role(self) -> None:
        self.sync(self._delete)

    async def _delete(self) -> None:
        self.deleted.append("role")


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> type[Slow]:
    monkeypatch.setattr(Remote, "made", [], raising=False)
    monkeypatch.setattr(Remote, "asked", threading.Event(), raising=False)
    monkeypatch.setattr(Slow, "deleted", [], raising=False)
    return Slow


class Timer:
    """A time limit that passes once the scheduler has been asked for, however slow this machine is."""

    def __init__(self, seconds: float, then: Any) -> None:
        assert seconds == 0.5
        self.daemon = False
        self._thread = threading.Thread(target=lambda: Remote.asked.wait(300) and then(), daemon=True)

    def start(self) -> None:
        """Begin to wait."""
        self._thread.start()

    def cancel(self) -> None:
        """It has passed already."""
        assert Remote.asked.is_set()


def test_a_cluster_that_does_not_come_up(slow: type[Slow], monkeypatch: pytest.MonkeyPatch) -> None:
    """The time is limited, and all that was begun is closed: its scheduler, and what only its finalizers would delete."""
    monkeypatch.setattr(dask_cluster, "Timer", Timer)
    state = _flow().run(executor=DaskExecutor(cluster_class=slow, cluster_timeout=0.5))
    assert state.is_failed()
    assert state.result is not None
    assert "The Dask cluster Slow was not there after 0.5 s" in str(state.message)
    assert [remote.status for remote in Remote.made] == [Status.closed]
    assert Slow.deleted == ["role"]


def test_a_run_that_is_cancelled_while_its_cluster_comes_up(slow: type[Slow]) -> None:
    """It does not wait for the cluster, and closes what was begun."""
    run = FlowRun(_flow(), executor=DaskExecutor(cluster_class=slow), reporter=MemoryReporter())
    stopper = threading.Thread(target=lambda: Remote.asked.wait(300) and run.cancel("enough"))
    stopper.start()
    state = run.run()
    stopper.join()
    assert (state.kind, state.message) == ("Cancelled", "enough")
    assert [remote.status for remote in Remote.made] == [Status.closed]
    assert Slow.deleted == ["role"]


def test_a_cluster_that_fails_halfway(slow: type[Slow], monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own error is what the run says."""

    def refuse(**_: Any) -> None:
        raise RuntimeError("quota exceeded")

    monkeypatch.setattr(sys.modules[__name__], "Remote", refuse)
    state = _flow().run(executor=DaskExecutor(cluster_class=slow))
    assert state.is_failed()
    assert "quota exceeded" in str(state.message)
    assert Slow.deleted == ["role"]


def test_a_class_whose_package_is_not_installed() -> None:
    """Resolved when the run begins, not when the flow is made; the sentence says what to install, and where."""
    flow = _flow()
    flow.executor = DaskExecutor(cluster_class="dask_kubernetes.operator.KubeCluster")
    state = flow.run()
    assert state.is_failed()
    assert "add it to the image or the environment of the run: pip install dask-kubernetes" in str(state.message)


# --- clusters that are there --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Foreign]:
    """A cluster whose environment has Dask, and no Towpath."""
    folder = tmp_path_factory.mktemp("bare")
    packages = folder / "packages"
    packages.mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if not entry.name.startswith(("towpath", "_")) or entry.name == "_yaml":
            (packages / entry.name).symlink_to(entry)
    cluster = Foreign(folder, python=(sys.executable, "-S"), workers=1, env={**os.environ, "PYTHONPATH": str(packages)})
    yield cluster
    cluster.close()


def test_a_cluster_without_towpath(bare: Foreign) -> None:
    """The run fails at once, rather than each of its tasks with an error of pickle's."""
    state = _flow().run(executor=DaskExecutor(bare.address))
    assert state.is_failed()
    assert state.message == (
        f"The Dask cluster at {bare.address} cannot run this flow: its scheduler has no towpath installed; use one image for all of it."
    )
    assert bare.clients() == []


def test_a_cluster_without_workers(tmp_path: Path) -> None:
    """The run waits for some to join, and says so; it can be cancelled."""
    cluster = Foreign(tmp_path, workers=0)
    told = threading.Event()

    class Listening(MemoryReporter):
        def log(self, entry: Any) -> None:
            super().log(entry)
            if "has no workers yet" in entry.message:
                told.set()

    try:
        run = FlowRun(_flow(), executor=DaskExecutor(cluster.address), reporter=Listening())
        stopper = threading.Thread(target=lambda: told.wait(300) and run.cancel("enough"))
        stopper.start()
        state = run.run()
        stopper.join()
        assert (state.kind, state.message) == ("Cancelled", "enough")
        assert cluster.clients() == []
    finally:
        cluster.close()
