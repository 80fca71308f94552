"""`DaskExecutor` in runs that have a container of their own: a cluster in other containers, and a temporary one inside."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.docker.conftest import FLOW_IMAGE, ROOT
from tests.e2e.conftest import Site, wait_until

DASK_IMAGE = "towpath:test-dask"
LIMIT = 768  # MiB

FLOWS = """
import os, time
import psutil
import towpath
from distributed import get_worker
from towpath import Flow, Parameter, task
from towpath.artifacts import create_markdown_artifact
from towpath.backend import set_key_value
from towpath.client import Secret
from towpath.executors import DaskExecutor
from towpath.run_configs import DockerRun

@task
def look(n):
    create_markdown_artifact(f"# {n}")
    towpath.context.logger.info("number %d", n)
    worker = get_worker()
    return os.environ.get("PLACE"), Secret("WORD").get(), worker.memory_manager.memory_limit

def listening():
    tree = [psutil.Process(1), *psutil.Process(1).children(recursive=True)]
    return sorted({c.laddr.ip for p in tree for c in p.net_connections("inet") if c.status == "LISTEN"})

@task
def tell(looks):
    towpath.context.logger.info("TOLD %s", towpath.context.flow_run_id)
    set_key_value("looks", {"looks": looks, "listening": listening()})

@task
def wait():
    towpath.context.logger.info("HERE I WAIT")
    time.sleep(600)

def made(name, executor, **host):
    config = DockerRun(image="IMAGE", env={"PLACE": "run"}, host_config=host)
    with Flow(name, executor=executor, run_config=config) as flow:
        tell(look.map([0, 1, 2]))
    with Flow(name + " waiting", executor=executor, run_config=config) as waiting:
        wait()
    return flow, waiting

outside, outside_waiting = made("outside", DaskExecutor("ADDRESS"))
inside, inside_waiting = made(
    "inside", DaskExecutor(cluster_kwargs={"n_workers": 2, "threads_per_worker": 1}), mem_limit="LIMITm", memswap_limit="LIMITm"
)
unreachable, _ = made("unreachable", DaskExecutor("tcp://127.0.0.1:1", client_kwargs={"timeout": 3}))
with Flow("plain", executor=DaskExecutor("ADDRESS"), run_config=DockerRun(image="PLAIN")) as plain:
    wait()
"""


@pytest.fixture(scope="module")
def dask_image(engine: Any) -> str:
    """The image of flows with Dask, as the guide says how to build it."""
    how = ["--network", "host", "-f", "deploy/docker/dask.Dockerfile", "--build-arg", f"FLOW_IMAGE={FLOW_IMAGE}"]
    command = ["docker", "build", "-q", *how, "-t", DASK_IMAGE, "."]
    subprocess.run(command, cwd=ROOT, env=os.environ | {"DOCKER_BUILDKIT": "0"}, check=True, stdout=subprocess.DEVNULL)
    return DASK_IMAGE


@pytest.fixture(scope="module")
def address(engine: Any, dask_image: str) -> Iterator[str]:
    """A scheduler and two workers in containers of their own, which know nothing of the API."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        place = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    port = place.rpartition(":")[2]
    options = {"detach": True, "network_mode": "host", "environment": {"PLACE": "worker"}}
    scheduler = ["dask", "scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard"]
    worker = ["dask", "worker", place, "--host", "127.0.0.1", "--no-dashboard", "--nthreads", "1", "--death-timeout", "600"]
    containers: list[Any] = []
    try:
        containers.append(engine.containers.run(dask_image, scheduler, **options))
        containers += [engine.containers.run(dask_image, worker, **options) for _ in range(2)]
        for one in containers[1:]:
            wait_until("a worker has joined", lambda one=one: b"Registered to" in one.logs() and True, 300)
        yield place
    finally:
        for one in containers:
            one.remove(force=True)


@pytest.fixture(scope="module")
def flows(docked: Site, address: str) -> dict[str, str]:
    """The flows by name."""
    with docked.client as client:
        client.set_secret("WORD", "boat")
    words = {"ADDRESS": address, "IMAGE": DASK_IMAGE, "PLAIN": FLOW_IMAGE, "LIMIT": str(LIMIT)}
    source = FLOWS
    for word, value in words.items():
        source = source.replace(word, value)
    return docked.register("dask_flows", source)


def _create(site: Site, flow_id: str) -> str:
    with site.client as client:
        return client.create_flow_run(flow_id)


def _looks(site: Site, run_id: str) -> dict[str, Any]:
    site.ended(run_id, state="Success", timeout=300)
    with site.client as client:
        found: dict[str, Any] = client.get_key_value("looks")
        document = "query($id: uuid!) { task_run_artifact(where: {task_run: {flow_run_id: {_eq: $id}}}) { data } }"
        artifacts = client.graphql(document, {"id": run_id})["task_run_artifact"]
    assert sorted(a["data"]["markdown"] for a in artifacts) == ["# 0", "# 1", "# 2"]
    log = site.logs(run_id)
    assert all(f"number {n}" in log for n in range(3))
    assert f"TOLD {run_id}" in log
    return found


def test_a_cluster_in_other_containers(docked: Site, flows: dict[str, str]) -> None:
    """Tasks run in the workers' containers; their logs, artifacts and secrets go by the run's API."""
    found = _looks(docked, _create(docked, flows["outside"]))
    assert {(place, word) for place, word, _ in found["looks"]} == {("worker", "boat")}


def test_a_temporary_cluster_inside(docked: Site, flows: dict[str, str], until: Callable[..., Any], containers: Any) -> None:
    """Workers share the container's memory, listen to their own container only, and go with it."""
    run_id = _create(docked, flows["inside"])
    found = _looks(docked, run_id)
    assert {(place, word) for place, word, _ in found["looks"]} == {("run", "boat")}
    assert {limit for _, _, limit in found["looks"]} == {LIMIT * 2**20 // 2}
    assert found["listening"] == ["127.0.0.1"]
    until("its container is removed", lambda: not containers(run_id), 300)


@pytest.mark.parametrize("name", ["inside waiting", "outside waiting"])
def test_a_cancelled_run_ends_on_its_cluster(
    docked: Site, flows: dict[str, str], until: Callable[..., Any], containers: Any, name: str
) -> None:
    """The sleeping task is given up after its grace, and the cluster in the container goes."""
    run_id = _create(docked, flows[name])
    until("its task runs", lambda: "HERE I WAIT" in docked.logs(run_id), 300)
    docked.cli("cancel", run_id)
    docked.ended(run_id, state="Cancelled", timeout=300)
    until("its container is removed", lambda: not containers(run_id), 300)


def test_a_killed_container_takes_its_cluster_along(
    docked: Site, flows: dict[str, str], until: Callable[..., Any], containers: Any
) -> None:
    """Nothing of a temporary cluster outlives the container, and the run says why it failed."""
    run_id = _create(docked, flows["inside waiting"])
    until("its task runs", lambda: "HERE I WAIT" in docked.logs(run_id), 300)
    (container,) = containers(run_id)
    processes = [int(row[0]) for row in container.top(ps_args="-eo pid")["Processes"]]
    assert len(processes) >= 5  # supervisor, run, two workers with what watches them
    container.kill()
    docked.ended(run_id, state="Failed", timeout=300)
    assert "was killed (SIGKILL)" in json.dumps(docked.run(run_id)) + docked.logs(run_id)
    until("its processes are gone", lambda: not any(os.path.exists(f"/proc/{pid}") for pid in processes), 300)


def test_what_cannot_work_says_so(docked: Site, flows: dict[str, str]) -> None:
    """A scheduler that is not there, and an image without Dask."""
    for name, words in (
        ("unreachable", "The Dask cluster at tcp://127.0.0.1:1 cannot be reached"),
        ("plain", "install it with: pip install 'towpath[dask]'"),
    ):
        run_id = _create(docked, flows[name])
        docked.ended(run_id, state="Failed", timeout=300)
        assert words in json.dumps(docked.run(run_id)) + docked.logs(run_id)
