"""An engine that is restarted, killed, full, or without GPUs: runs say why, nothing is lost or doubled, and the agent lives on.

The engine is one of the test's own, with its data on a small disk in memory, and a containerd of its own that outlives it, as on machines
whose packages installed both.
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
from tests.e2e.conftest import Site, wait_until

DISK = 1200
"""MiB of the engine's disk: the image, and a little."""
BRIDGE = "towpathtest0"
ALONE = (f"--bridge={BRIDGE}", "--iptables=false", "--ip-masq=false")
"""Runs share the machine's network. A bridge of its own, since an engine with none removes docker0, which is another engine's."""


class Own:
    """The engine, which can be stopped, killed and started again, and its containerd, which stays."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.address = f"unix://{folder}/docker.sock"
        self._below = f"{folder}/containerd.sock"
        config = folder / "containerd.toml"
        config.write_text(
            f'version = 2\nroot = "{folder}/data/containerd"\nstate = "{folder}/containerd"\n[grpc]\naddress = "{self._below}"\n'
        )
        with (folder / "containerd.log").open("ab") as log:
            self._containerd = subprocess.Popen(["containerd", "--config", str(config)], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        wait_until("containerd answers", lambda: Path(self._below).exists(), PATIENCE)
        self.start()

    def start(self, *options: str) -> None:
        self.process = start_engine(self.folder, *ALONE, f"--containerd={self._below}", *options)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(PATIENCE)

    def kill(self) -> None:
        """Without a moment to say anything to anybody."""
        self.process.kill()
        self.process.wait(PATIENCE)

    def containers(self) -> list[Any]:
        with contextlib.closing(docker.DockerClient(self.address, timeout=PATIENCE)) as client:
            return list(client.containers.list(all=True, ignore_removed=True))

    def end(self) -> None:
        """Both, and what still runs."""
        if self.process.poll() is None:
            self.stop()
        self.start()  # one that keeps nothing alive: what a killed one left has ended when it answers
        self.stop()
        self._containerd.terminate()
        self._containerd.wait(PATIENCE)


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
                client.images.load(engine.images.get(FLOW_IMAGE).save(named=FLOW_IMAGE))
            yield mine
        finally:
            mine.end()
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


def _without(docked: Site, own: Own, until: Callable[..., Any], *options: str) -> None:
    """A run that is made while there is no engine waits, given back with the reason, and succeeds on the next engine."""
    late = _create(docked, "inside")
    until("the reason", lambda: "does not answer" in _story(docked, late), PATIENCE)
    own.start(*options)
    docked.ended(late, state="Success", timeout=PATIENCE)


def _told_to_stop(docked: Site, own: Own, until: Callable[..., Any], run_id: str) -> None:
    """What ran has got SIGTERM and is a lost process, once, and it is gone."""
    ended = docked.ended(run_id, state="Failed", timeout=PATIENCE)  # its task had no retry
    told = [s["state"] for s in ended["states"] if "was told to stop with its container (SIGTERM)" in str(s["message"])]
    assert told == ["Scheduled"]
    until("no container is left", lambda: own.containers() == [], PATIENCE)


def test_an_engine_that_is_restarted(docked: Site, own: Own, until: Callable[..., Any]) -> None:
    """What ran ends with the engine; the agent finds the new engine by itself and goes on."""
    run_id = _create(docked, "patient")
    _running(docked, until, run_id)
    own.stop()
    _without(docked, own, until)
    _told_to_stop(docked, own, until, run_id)


def test_an_engine_that_is_killed(docked: Site, own: Own, until: Callable[..., Any]) -> None:
    """What ran goes on until there is an engine again, which stops it first of all."""
    run_id = _create(docked, "patient")
    _running(docked, until, run_id)
    own.kill()
    _without(docked, own, until)
    _told_to_stop(docked, own, until, run_id)


def test_an_engine_that_is_killed_and_keeps_what_runs(docked: Site, own: Own, until: Callable[..., Any]) -> None:
    """With live restore a run does not notice, and can be cancelled by way of the new engine."""
    own.stop()
    own.start("--live-restore")
    run_id = _create(docked, "patient")
    _running(docked, until, run_id)
    own.kill()
    _without(docked, own, until, "--live-restore")
    assert run_id in [each.labels["io.towpath.flow-run-id"] for each in own.containers() if each.status == "running"]
    docked.cli("cancel", run_id)
    ended = docked.ended(run_id, state="Cancelled", timeout=PATIENCE)
    assert [s["state"] for s in ended["states"]].count("Running") == 1
    until("no container is left", lambda: own.containers() == [], PATIENCE)
