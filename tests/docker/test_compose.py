"""The compose stack on a real engine: up, a key, a flow from outside, its run in a container of its own, its log, down without leftovers.

Reads are answered by Towpath's own read engine (profile `embedded-reads`): Hasura's image is not to be had on every machine, and is not
proved here.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.docker.conftest import FLOW_IMAGE, ROOT, stand_in
from tests.e2e.conftest import TOWPATH, wait_until
from towpath_server.testing import free_port

PROJECT = "towpath-test"
FLOW = """
import os, towpath
from towpath import Flow, task
from towpath.run_configs import DockerRun

@task
def look():
    towpath.context.logger.info("inside: %s", os.path.exists("/.dockerenv"))

with Flow("composed", run_config=DockerRun()) as flow:
    look()
"""


class Stack:
    """The stack under a project name of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"http://127.0.0.1:{free_port()}"
        self.env = os.environ | {
            "COMPOSE_PROJECT_NAME": PROJECT,
            "TOWPATH_TAG": "test",
            "TOWPATH_LISTEN": self.url.removeprefix("http://"),
            "TOWPATH_API_URL": self.url,
            "TOWPATH_HOME": str(folder / "home"),
        }
        script = [sys.executable, "deploy/compose/prepare.py", "--reads", "embedded-reads", "--file", str(folder / "env")]
        subprocess.run(script, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)

    def compose(self, *arguments: str) -> str:
        command = [shutil.which("docker-compose") or "docker"] + ([] if shutil.which("docker-compose") else ["compose"])
        done = subprocess.run(
            [*command, "--env-file", str(self.folder / "env"), *arguments],
            cwd=ROOT / "deploy" / "compose",
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def towpath(self, *arguments: str) -> str:
        done = subprocess.run([TOWPATH, *arguments], env=self.env, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def healthy(self) -> Any:
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=5) as answer:
                return json.loads(answer.read())
        except OSError:
            return None


@pytest.fixture(scope="module")
def stack(engine: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    for image in ("postgres:16", "nats:2"):
        stand_in(engine, image)
    subprocess.run(
        ["deploy/docker/build.sh", "test"], cwd=ROOT, env=os.environ | {"DOCKER_BUILDKIT": "0", "BUILD_NETWORK": "host"}, check=True
    )
    stack = Stack(tmp_path_factory.mktemp("stack"))
    try:
        stack.compose("up", "-d")
        yield stack
    finally:
        stack.compose("down", "-v")


def test_from_nothing_to_a_run_in_a_container(stack: Stack, engine: Any) -> None:
    """What the README says, by the commands that it names."""
    wait_until("every service is healthy", stack.healthy, 90)
    assert "UNAUTHENTICATED" in subprocess.run([TOWPATH, "get", "flows"], env=stack.env, capture_output=True, text=True, check=False).stderr
    stack.env["TOWPATH_API_KEY"] = stack.compose("exec", "-T", "graphql", "towpath-graphql", "create-key", "--name", "me").strip()
    script = stack.folder / "composed.py"
    script.write_text(FLOW)
    (registered,) = json.loads(stack.towpath("register", "--path", str(script), "--json"))
    key = stack.towpath("keys", "show", "--json")
    options = ["--network", f"{PROJECT}_default", "--env", "TOWPATH_API_URL=http://gateway:4200", "--image", FLOW_IMAGE, "--pull", "never"]
    env = stack.env | {"TOWPATH_TRUSTED_KEYS": json.loads(key)["public_key"]}
    with (stack.folder / "agent.log").open("wb") as log:
        agent = subprocess.Popen([TOWPATH, "agent", "docker", "start", *options], env=env, stdout=log, stderr=log)
    try:
        run = json.loads(stack.towpath("run", "--id", registered["flow_id"], "--json"))
        run_id = run.get("flow_run_id") or run["id"]
        state: Callable[[], str] = lambda: json.loads(stack.towpath("describe", "flow-run", run_id, "--json"))["state"]  # noqa: E731
        wait_until("the run ends", lambda: state() in ("Success", "Failed"), 60)
        assert state() == "Success", (stack.folder / "agent.log").read_text()
        assert "inside: True" in stack.towpath("logs", run_id)
    finally:
        agent.terminate()
        agent.wait(20)


def test_nothing_is_left(stack: Stack, engine: Any) -> None:
    """`down -v` takes containers, network and data along."""
    stack.compose("down", "-v")
    mine = {"label": f"com.docker.compose.project={PROJECT}"}
    assert engine.containers.list(all=True, filters=mine) == []
    assert engine.networks.list(filters=mine) == []
    assert engine.volumes.list(filters=mine) == []
    assert isinstance(engine, docker.DockerClient)
