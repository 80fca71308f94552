"""What is promised of every image: it can be built again, is small, says what is in it, works as nobody on a root that it cannot write.

Services are started by the stack's test; here are those that it has not, and what one looks at from outside.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.docker.conftest import BASE, PATIENCE, ROOT

SERVICES = ["gateway", "graphql", "read-engine", "scheduler", "zombie-killer", "lazarus", "agent-docker", "agent-kubernetes", "agent-ecs"]
IMAGES = ["towpath", *(f"towpath-{name}" for name in SERVICES), "towpath-engine-proxy"]
MIB = 1 << 20
MOST = 120 * MIB
"""Bytes of an image over those of its base."""


def layers(engine: Any, image: str) -> list[str]:
    """The digests of what an image's layers hold: files with their content, modes, owners and dates."""
    found: list[str] = engine.images.get(image).attrs["RootFS"]["Layers"]
    return found


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """The sources as another clone has them: elsewhere, and of another day."""
    there = tmp_path / "sources"
    for name in ("deploy/constraints.txt", "deploy/docker", "proto", "sdk", "services", "agents"):
        (there / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_file():
            shutil.copyfile(ROOT / name, there / name)
        else:
            ignored = shutil.ignore_patterns("node_modules", "dist", "__pycache__", "*.egg-info")
            shutil.copytree(ROOT / name, there / name, ignore=ignored, copy_function=shutil.copyfile)
    for path in there.rglob("*"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
    shutil.copyfile(ROOT / ".dockerignore", there / ".dockerignore")
    return there


@pytest.fixture
def again(elsewhere: Path, engine: Any) -> Iterator[Any]:
    """`again(file, ...)`: an image of another build, which takes nothing from one before."""
    tag = "towpath-test-again"

    def build(file: str, *more: str) -> str:
        how = ["--no-cache", "--network", "host", "-f", f"deploy/docker/{file}", "--build-arg", f"PYTHON_IMAGE={BASE}", *more]
        command = ["docker", "build", "-q", *how, "-t", tag, "."]
        subprocess.run(command, cwd=elsewhere, env=os.environ | {"DOCKER_BUILDKIT": "0"}, check=True, stdout=subprocess.DEVNULL)
        return tag

    yield build
    engine.images.remove(tag, force=True)


def test_a_build_can_be_repeated(images: None, engine: Any, again: Any) -> None:
    """Another clone of the same sources makes the same layers to the bit: what all have in common, and a service with its pages."""
    arguments = ("FAMILY=towpath-service-kit", "DIST=towpath-gateway", "PORT=4200")
    other = again("Dockerfile", "--target", "service", *(f"--build-arg={each}" for each in arguments))
    assert layers(engine, other) == layers(engine, "towpath-gateway:test")


def test_the_build_of_the_proxy_can_be_repeated(images: None, engine: Any, again: Any) -> None:
    """As long as Debian has the same HAProxy."""
    assert layers(engine, again("engine-proxy.Dockerfile")) == layers(engine, "towpath-engine-proxy:test")


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_is_small_and_says_what_is_in_it(images: None, engine: Any, name: str) -> None:
    """Its size over its base; whose it is; that somebody looks after it; and a bill of materials, where the label says."""
    image = engine.images.get(f"{name}:test")
    size = image.attrs["Size"] - engine.images.get(BASE).attrs["Size"]
    assert 0 < size <= MOST, f"{size / MIB:.0f} MiB over its base"
    config = image.attrs["Config"]
    assert (config["User"] == "10001") is (name != "towpath-engine-proxy")  # root without capabilities: the engine's socket is root's
    assert ("Healthcheck" in config) is (name != "towpath")  # a flow run is looked after by its lease
    bill = json.loads(engine.containers.run(f"{name}:test", ["cat", image.labels["io.towpath.sbom"]], network_mode="none", remove=True))
    packages = {component["name"] for component in bill["components"]}
    assert bill["metadata"]["component"]["name"] == name
    assert ({"haproxy", "libc6"} if name == "towpath-engine-proxy" else {name, "towpath-proto", "libc6"}) <= packages


def test_a_flow_run_needs_no_root_that_can_be_written(images: None, engine: Any) -> None:
    """The image of flows works as nobody, on a root that it cannot write."""
    script = "import os, towpath; print(os.getuid(), os.access('/opt/towpath/bin', os.W_OK))"
    options: dict[str, Any] = {"network_mode": "none", "read_only": True, "cap_drop": ["ALL"], "remove": True}
    assert engine.containers.run("towpath:test", ["python", "-c", script], **options).split() == [b"10001", b"False"]
    assert b"towpath" in engine.containers.run("towpath:test", **options)  # what it says by itself
    assert b"Run the local agent" in engine.containers.run("towpath:test", ["towpath", "agent", "local", "start", "--help"], **options)


@pytest.mark.parametrize(
    ("kind", "words"), [("ecs", "AWS cannot be asked for ListTasks"), ("kubernetes", "No Kubernetes cluster is known here")]
)
def test_agents_of_clusters_start(images: None, engine: Any, kind: str, words: str) -> None:
    """As nobody, on a root that cannot be written, they come as far as their cluster, and say that it is not there."""
    container = engine.containers.run(
        f"towpath-agent-{kind}:test",
        ["towpath", "agent", kind, "start"],
        environment={
            "TOWPATH_API_URL": "http://127.0.0.1:9",
            "TOWPATH_API_KEY": "twk_nobody",
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        },
        network_mode="none",
        read_only=True,
        tmpfs={"/tmp": ""},
        cap_drop=["ALL"],
        detach=True,
    )
    try:
        assert container.wait(timeout=PATIENCE)["StatusCode"] == 2
        assert words in container.logs().decode()
    finally:
        container.remove(force=True)
