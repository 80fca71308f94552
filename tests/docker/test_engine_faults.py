"""An engine that is restarted, full, or without GPUs: runs say why, nothing is lost or doubled, and the agent lives on.

The engine is one of the test's own, with its data on a small disk in memory.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.docker.conftest import FLOW_IMAGE, PATIENCE, start_engine, unmount_below
from tests.docker.test_docker_agent import _create, _running, _story
from tests.e2e.conftest import Site

DISK = 1200
"""MiB of the engine's disk: the image, and a little."""
BRIDGE = "towpathtest0"
ALONE = (f"--bridge={BRIDGE}", "--iptables=false", "--ip-masq=false")
"""Runs share the machine's network. A bridge of its own, since an engine with none removes docker0, which is another engine's."""


class Own:
    """The engine, which can be stopped and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.address = f"unix://{folder}/docker.sock"
        self.process = start_engine(folder, *ALONE)

    def restart(self) -> None:
        self.stop()
        self.process = start_engine(self.folder, *ALONE)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(PATIENCE)


@pytest.fixture(scope="module")
def own(engine: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Own]:
    folder = tmp_path_factory.mktemp("engine")
    (folder / "data").mkdir()
    subprocess.run(["ip", "link", "add", BRIDGE, "type", "bridge"], check=True)
    subprocess.run(["ip", "address", "add", "198.18.255.1/24", "dev", BRIDGE], check=True)  # of the range for tests (RFC 2544)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}m", "towpath-test", str(folder / "data")], check=True)
    try:
        mine = Own(folder)
        try:
            with contextlib.closing(docker.DockerClient(mine.address, timeout=PATIENCE)) as client:
                client.images.load(engine.images.get(FLOW_IMAGE).save(named=True))
            yield mine
        finally:
            mine.stop()
    finally:
        unmount_below(folder)
        subprocess.run(["ip", "link", "delete", BRIDGE], check=True)


@pytest.fixture(scope="module")
def docked(own: Own, empty_site: Site) -> Site:  # in place of the one with the machine's engine
    empty_site.agent("docker", "--base-url", own.address, "--network", "host", "--image", FLOW_IMAGE, "--pull", "never", kind="docker")
    return empty_site


def test_an_engine_without_gpus_says_so(docked: Site, until: Callable[..., Any]) -> None:
    """A run that wants GPUs is given back with words that people understand."""
    gpus = {"device_requests": [{"Count": -1, "Capabilities": [["gpu"]]}]}
    run_id = _create(docked, "inside", run_config={"type": "DockerRun", "host_config": gpus})
    until("the reason", lambda: "it wants a GPU, and this Docker engine has none" in _story(docked, run_id), PATIENCE)
    docked.cli("cancel", run_id)


def test_a_full_disk_is_said_and_survived(docked: Site, own: Own, until: Callable[..., Any]) -> None:
    """A run is given back while the engine's disk is full, with that reason, and runs when there is room."""
    ballast = own.folder / "data" / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb") as file:
        while True:
            file.write(bytes(1 << 16))
            file.flush()
    assert os.statvfs(own.folder / "data").f_bavail == 0
    run_id = _create(docked, "inside")
    until("the reason", lambda: "no space left on device" in _story(docked, run_id), PATIENCE)
    ballast.unlink()
    docked.ended(run_id, state="Success", timeout=PATIENCE)


def test_an_engine_that_is_restarted(docked: Site, own: Own, until: Callable[..., Any]) -> None:
    """What ran gets SIGTERM as the engine stops and is a lost process, once; the agent finds the new engine by itself and goes on."""
    run_id = _create(docked, "patient")
    _running(docked, until, run_id)
    own.stop()
    late = _create(docked, "inside")  # while there is none: it waits, given back with the reason
    until("the reason", lambda: "does not answer" in _story(docked, late), PATIENCE)
    own.process = start_engine(own.folder, *ALONE)
    docked.ended(late, state="Success", timeout=PATIENCE)
    ended = docked.ended(run_id, state="Failed", timeout=PATIENCE)  # its task had no retry
    told = [s["state"] for s in ended["states"] if "was told to stop with its container (SIGTERM)" in str(s["message"])]
    assert told == ["Scheduled"]
    with contextlib.closing(docker.DockerClient(own.address, timeout=PATIENCE)) as client:
        until("no container is left", lambda: client.containers.list(all=True) == [], PATIENCE)
