"""What `DaskExecutor` is told: a cluster of somebody else's, or how to make one. Real schedulers and workers."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from distributed import LocalCluster, get_worker

from tests.integration.sdk.foreign import Foreign
from towpath import Flow, context, get_logger, task, unmapped
from towpath.engine.reporting import LogEntry
from towpath.engine.run import FlowRun
from towpath.errors import FlowError
from towpath.executors import DaskExecutor
from towpath.testing import MemoryReporter
from towpath_proto.errors import Code


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Foreign]:
    one = Foreign(tmp_path_factory.mktemp("foreign"))
    yield one
    one.close()


class Recorded(LocalCluster):
    """A cluster of the user's own class."""

    made: list[Recorded]

    def __init__(self, **arguments: Any) -> None:
        super().__init__(dashboard_address="127.0.0.1:0", **arguments)
        self.made.append(self)


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> type[Recorded]:
    monkeypatch.setattr(Recorded, "made", [], raising=False)
    return Recorded


def _where() -> Flow:
    @task
    def where(x: int) -> tuple[int, int, str]:
        get_logger().info("number %d", x)
        return x * x, os.getpid(), str(get_worker().name)

    with Flow("where") as flow:
        where.map(list(range(8)))
    return flow


def _run(flow: Flow, executor: DaskExecutor) -> tuple[Any, MemoryReporter]:
    """Run it; a cluster that never gets to it fails the test, rather than keeps it for ever."""
    reporter = MemoryReporter()
    run = FlowRun(flow, executor=executor, reporter=reporter)
    guard = threading.Timer(60, run.cancel, ["The test has waited for too long."])
    guard.start()
    try:
        return run.run(), reporter
    finally:
        guard.cancel()
        guard.join()


def _results(flow: Flow, state: Any, name: str = "where") -> Any:
    assert state.is_successful(), state.message
    return state.result[flow.get_tasks(name=name)[0]].result


# --- a cluster of somebody else's -----------------------------------------------------------------------------------------------------


def test_a_flow_runs_on_the_cluster_at_an_address(foreign: Foreign) -> None:
    """Children of a map run in the workers that are there, their logs arrive, and the cluster outlives two runs of one executor."""
    executor, flow, before = DaskExecutor(foreign.address), _where(), foreign.pids()
    for _ in range(2):
        state, reporter = _run(flow, executor)
        results = _results(flow, state)
        assert [square for square, _, _ in results] == [x * x for x in range(8)]
        assert {pid for _, pid, _ in results} <= set(before.values())
        lines = sorted((e.map_index, e.message) for e in reporter.logs if e.slug == "where-1")
        assert lines == [(x, f"number {x}") for x in range(8)]
    assert (foreign.pids(), foreign.alive(), foreign.busy(), foreign.clients()) == (before, True, [], [])


def test_a_cancelled_run_leaves_the_cluster_alone_but_for_its_own_work(foreign: Foreign, tmp_path: Path) -> None:
    """What runs there is interrupted and cleans up, what waits never begins; the workers are the same, free, and run what comes next."""
    before = foreign.pids()
    begun = threading.Event()

    @task
    def work(x: int, folder: Path) -> None:
        try:
            context.logger.info("begun")
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                time.sleep(0.01)
        finally:
            (folder / str(x)).touch()

    class Waiting(MemoryReporter):
        def log(self, entry: LogEntry) -> None:
            super().log(entry)
            if entry.message == "begun":
                begun.set()

    with Flow("long") as flow:
        work.map(list(range(12)), unmapped(tmp_path))
    run = FlowRun(flow, executor=DaskExecutor(foreign.address), reporter=Waiting())
    stopper = threading.Thread(target=lambda: begun.wait(30) and run.cancel("enough"))
    stopper.start()
    state = run.run()
    stopper.join()
    assert (state.kind, state.message) == ("Cancelled", "enough")
    assert 1 <= len(list(tmp_path.iterdir())) <= 2  # two workers with a thread each
    assert (foreign.pids(), foreign.alive(), foreign.busy(), foreign.clients()) == (before, True, [], [])
    after = _where()
    assert len(_results(after, _run(after, DaskExecutor(foreign.address))[0])) == 8


def test_a_task_runs_where_its_resource_is(foreign: Foreign) -> None:
    """Tagged tasks run in the one worker that has a GPU, one at a time; a tag that says no number fails its task with a sentence."""

    @task(tags=["dask-resource:GPU=1", "red"])
    def tagged(x: int) -> str:
        return str(get_worker().name)

    @task(tags=["dask-resource:GPU"])
    def mistaken() -> None: ...

    with Flow("resources") as flow:
        tagged.map(list(range(8)))
        wrong = mistaken()
    state, _ = _run(flow, DaskExecutor(foreign.address))
    children = state.result[flow.get_tasks(name="tagged")[0]].map_states
    assert [child.result for child in children] == ["gifted"] * 8
    assert "the tag 'dask-resource:GPU' must be dask-resource:NAME=NUMBER" in state.result[wrong].message


def test_the_client_is_made_as_told(foreign: Foreign) -> None:
    """`client_kwargs` reach Dask's client."""
    with DaskExecutor(foreign.address, client_kwargs={"name": "of-mine"}).start():
        (name,) = foreign.clients()
    assert name.startswith("Client-of-mine-")
    assert foreign.clients() == []


def test_an_address_where_nobody_is() -> None:
    """The run fails soon, and the sentence has the address."""
    state, _ = _run(_where(), DaskExecutor("tcp://127.0.0.1:4329", client_kwargs={"timeout": 0.5}))
    assert state.is_failed()
    assert state.message.startswith("The Dask cluster at tcp://127.0.0.1:4329 cannot be reached")


def test_a_report_of_the_run_is_written(foreign: Foreign, tmp_path: Path) -> None:
    """Dask's page about this run is where the author wants it."""
    pytest.importorskip("bokeh")
    path = tmp_path / "report.html"
    flow = _where()
    _results(flow, _run(flow, DaskExecutor(foreign.address, performance_report_path=str(path)))[0])
    text = path.read_text()
    assert "<html" in text
    assert re.search(r"where-7-\d+-[0-9a-f]{32}", text)  # the last child's key


def test_a_report_that_cannot_be_written_fails_no_run(foreign: Foreign, tmp_path: Path) -> None:
    """The tasks have done their work; the log says what is missing."""
    pytest.importorskip("bokeh")
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "report.html"
    flow = _where()
    state, reporter = _run(flow, DaskExecutor(foreign.address, performance_report_path=str(path)))
    assert len(_results(flow, state)) == 8
    (line,) = [e.message for e in reporter.logs if e.level == "WARNING"]
    assert line.startswith(f"Dask's report could not be written to {path}: ")


# --- a temporary cluster --------------------------------------------------------------------------------------------------------------


def test_a_cluster_of_ones_own_class(recorded: type[Recorded]) -> None:
    """The class makes the cluster with the arguments given, and it is closed at the end."""
    arguments = {"n_workers": 1, "threads_per_worker": 3, "processes": False, "resources": {"SEAT": 1}}
    flow = _where()
    executor = DaskExecutor(cluster_class=recorded, cluster_kwargs=arguments)
    with executor.start():
        (cluster,) = recorded.made
        assert [worker["nthreads"] for worker in cluster.scheduler_info["workers"].values()] == [3]
        assert [worker["resources"] for worker in cluster.scheduler_info["workers"].values()] == [{"SEAT": 1}]
    assert cluster.status.name == "closed"
    assert len(_results(flow, _run(flow, executor)[0])) == 8
    assert [one.status.name for one in recorded.made] == ["closed", "closed"]


@pytest.mark.parametrize("name", ["LocalCluster", "distributed.LocalCluster"])
def test_a_cluster_class_by_its_name(name: str) -> None:
    """A dotted name is imported; a bare one is distributed's."""
    flow = _where()
    executor = DaskExecutor(cluster_class=name, cluster_kwargs={"n_workers": 1, "threads_per_worker": 2, "processes": False})
    results = _results(flow, _run(flow, executor)[0])
    assert {pid for _, pid, _ in results} == {os.getpid()}


@pytest.mark.parametrize("name", ["distributed.nowhere.Cluster", "distributed.NoSuchCluster", "NoSuchCluster"])
def test_a_cluster_class_that_is_not_there(name: str) -> None:
    """The sentence has the name."""
    state, _ = _run(_where(), DaskExecutor(cluster_class=name))
    assert state.is_failed()
    assert f"there is no cluster_class {name!r} here" in state.message


def test_a_cluster_that_grows(recorded: type[Recorded]) -> None:
    """A cluster without a worker gets them by `adapt_kwargs`; that they come and go is then no news."""
    flow = _where()
    arguments = {"n_workers": 0, "threads_per_worker": 1, "processes": False}
    executor = DaskExecutor(cluster_class=recorded, cluster_kwargs=arguments, adapt_kwargs={"minimum": 1, "maximum": 1})
    state, reporter = _run(flow, executor)
    assert len({name for _, _, name in _results(flow, state)}) == 1
    assert [e.message for e in reporter.logs if "Dask worker" in e.message] == []
    assert recorded.made[0].status.name == "closed"


# --- what is refused ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "more", [{"cluster_class": "LocalCluster"}, {"cluster_kwargs": {"n_workers": 1}}, {"adapt_kwargs": {"minimum": 1}}]
)
def test_an_address_and_how_to_make_a_cluster(more: dict[str, Any]) -> None:
    """Not both, whichever it is."""
    with pytest.raises(FlowError, match="give the address of a cluster, or say how to make one, not both") as caught:
        DaskExecutor("tcp://127.0.0.1:4329", **more)
    assert caught.value.code == Code.BAD_SETTING


_WITHOUT = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Blocked())
from towpath import Flow, task
from towpath.executors import DaskExecutor

@task
def one():
    return 1

with Flow("f") as flow:
    one()
state = flow.run(executor={executor})
print(state.kind, state.message)
"""


def _without(names: set[str], executor: str) -> str:
    program = _WITHOUT.format(names=names, executor=executor)
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60).stdout


def test_without_dask() -> None:
    """The run fails and says what to install."""
    said = _without({"dask", "distributed"}, "DaskExecutor()")
    assert said.startswith("Failed")
    assert "install it with: pip install 'towpath[dask]'" in said


def test_without_bokeh(tmp_path: Path) -> None:
    """A report cannot be written: the run fails before it begins, and says what to install."""
    path = tmp_path / "report.html"
    kwargs = {"n_workers": 1, "processes": False}
    said = _without({"bokeh"}, f"DaskExecutor(cluster_kwargs={kwargs}, performance_report_path={str(path)!r})")
    assert said.startswith("Failed")
    assert "performance_report_path needs bokeh: pip install bokeh" in said
    assert not path.exists()
