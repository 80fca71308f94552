"""A real Docker engine: the one of this machine, or one that is started for the tests, with the images that they need.

A machine on which neither can be had fails them; `make test-docker` says first what is lacking.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.e2e.conftest import Site, empty_site, make_site, until  # noqa: F401  (fixtures)

ROOT = Path(__file__).resolve().parents[2]
BASE = os.environ.get("TOWPATH_PYTHON_IMAGE", "python:3.11-slim")
FLOW_IMAGE = "towpath:test"
PATIENCE = 180
"""Seconds that anything may take here that is waited for: these tests share few cores with an engine and its containers."""


def _answers(address: str | None = None) -> bool:
    try:
        client = docker.DockerClient(address, timeout=5) if address else docker.from_env(timeout=5)
    except docker.errors.DockerException:
        return False
    with contextlib.closing(client):
        try:
            return bool(client.ping())
        except (docker.errors.DockerException, OSError):
            return False


def start_engine(folder: Path, *more: str) -> subprocess.Popen[bytes]:
    """An engine of our own, with its socket `docker.sock` and all it has in a folder; it answers when this returns."""
    binary = shutil.which("dockerd")
    if binary is None or os.geteuid() != 0:
        pytest.exit("no Docker engine answers, and none can be started: run deploy/needs.sh containers", 1)
    address = f"unix://{folder}/docker.sock"
    options = [f"--data-root={folder}/data", f"--exec-root={folder}/exec", f"--pidfile={folder}/pid", f"--host={address}", *more]
    with (folder / "dockerd.log").open("ab") as log:
        process = subprocess.Popen([binary, *options], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    deadline = time.monotonic() + PATIENCE
    while not _answers(address):
        if process.poll() is not None or time.monotonic() > deadline:
            process.terminate()
            raise AssertionError((folder / "dockerd.log").read_text()[-3000:])
        time.sleep(0.1)
    return process


def unmount_below(folder: Path) -> None:
    """Take away what an engine that has ended left mounted (its network namespace, disks), without which its folder cannot be removed."""
    mounts = [Path(line.split()[4]) for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for mount in reversed(mounts):
        if mount.is_relative_to(folder):
            subprocess.run(["umount", "-l", str(mount)], check=True)


@contextlib.contextmanager
def _started(folder: Path) -> Iterator[None]:
    """An engine of our own for all tests, which goes with its folder."""
    process = start_engine(folder)
    os.environ["DOCKER_HOST"] = f"unix://{folder}/docker.sock"
    try:
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE)
        unmount_below(folder)
        del os.environ["DOCKER_HOST"]


@pytest.fixture(scope="session")
def engine() -> Iterator[Any]:
    """A docker-py client of an engine that has the base image and the image of flows."""
    with contextlib.ExitStack() as stack:
        if not _answers():
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="towpath-docker-", ignore_cleanup_errors=True)))
            stack.enter_context(_started(folder))
        client = stack.enter_context(contextlib.closing(docker.from_env(timeout=600)))
        stand_in(client, BASE)
        how = ["--network", "host", "-f", "deploy/docker/Dockerfile", "--target", "flow", "--build-arg", f"PYTHON_IMAGE={BASE}"]
        subprocess.run(
            ["docker", "build", "-q", *how, "-t", FLOW_IMAGE, "."],
            cwd=ROOT,
            env=os.environ | {"DOCKER_BUILDKIT": "0"},
            check=True,
            stdout=subprocess.DEVNULL,
        )
        yield client


@pytest.fixture(scope="session")
def images(engine: Any) -> None:
    """All images with the tag `test`, as people build them."""
    env = os.environ | {"DOCKER_BUILDKIT": "0", "BUILD_NETWORK": "host", "PYTHON_IMAGE": BASE}
    subprocess.run(["deploy/docker/build.sh", "test"], cwd=ROOT, env=env, check=True)


def had(client: Any, image: str) -> bool:
    """Whether the engine has a public image, or can pull it."""
    try:
        client.images.get(image)
    except docker.errors.ImageNotFound:
        try:
            client.images.pull(image)
        except docker.errors.APIError:
            return False
    return True


def stand_in(client: Any, image: str) -> None:
    """The public image, or where no registry can be reached a stand-in for it, made of Debian packages."""
    if had(client, image):
        return
    script = ROOT.parent / "shared" / "tools" / "base-images.sh"
    if not script.is_file() or shutil.which("debootstrap") is None:
        pytest.exit(f"{image} cannot be pulled; a stand-in needs {script} and debootstrap (apt-get install debootstrap)", 1)
    subprocess.run(["bash", str(script), image], check=True, stdout=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def docked(engine: Any, empty_site: Site) -> Iterator[Site]:  # noqa: F811
    """A backend and a Docker agent whose runs share this machine's network, since the backend listens on loopback."""
    empty_site.agent("docker", "--network", "host", "--image", FLOW_IMAGE, "--pull", "never", kind="docker")
    yield empty_site
    leave_nothing(engine)


def leave_nothing(engine: Any) -> None:
    """Remove what the tests' agents have left."""
    for container in engine.containers.list(all=True, filters={"label": "io.towpath.agent"}, ignore_removed=True):
        with contextlib.suppress(docker.errors.APIError):  # one that is being removed already
            container.remove(force=True)


@pytest.fixture
def containers(engine: Any) -> Callable[[str], list[Any]]:
    """`containers(run_id)`: the containers of a run, also those that have ended."""
    # one that is removed between the list and the look at it is gone
    return lambda run_id: engine.containers.list(all=True, filters={"label": f"io.towpath.flow-run-id={run_id}"}, ignore_removed=True)
