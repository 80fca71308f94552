"""The compose stack on a real engine: up, a key, a flow from outside, its run in a container of its own by the stack's own agent, its log,
down without leftovers. That agent reaches the engine through the stack's proxy, which passes few verbs.

Reads are answered by Towpath's own read engine (profile `embedded-reads`), and where Hasura's image can be had by that too.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.docker.conftest import FLOW_IMAGE, PATIENCE, ROOT, had, stand_in
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
    """The stack under a project name of its own, by one of the two programs, with one of the two profiles for reads."""

    def __init__(self, folder: Path, program: tuple[str, ...], reads: str) -> None:
        self.folder = folder
        self.program = program
        self.url = f"http://127.0.0.1:{free_port()}"
        self.env = os.environ | {
            "COMPOSE_PROJECT_NAME": PROJECT,
            "TOWPATH_TAG": "test",
            "TOWPATH_LISTEN": self.url.removeprefix("http://"),
            "TOWPATH_API_URL": self.url,
            "TOWPATH_HOME": str(folder / "home"),
            "TOWPATH_FLOW_IMAGE": FLOW_IMAGE,
            "TOWPATH_ENGINE_SOCKET": os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://"),
        }
        mine = json.loads(self.towpath("keys", "show", "--json"))["public_key"]
        script = [sys.executable, "deploy/compose/prepare.py", "--reads", reads, "--file", str(folder / "env"), "--trust", mine]
        subprocess.run(script, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)

    def compose(self, *arguments: str, given: str | None = None) -> str:
        done = subprocess.run(
            [*self.program, "--env-file", str(self.folder / "env"), *arguments],
            cwd=ROOT / "deploy" / "compose",
            env=self.env,
            input=given,
            stdin=subprocess.DEVNULL if given is None else None,
            capture_output=True,
            text=True,
            check=False,
            timeout=5 * PATIENCE,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def towpath(self, *arguments: str) -> str:
        done = subprocess.run([TOWPATH, *arguments], env=self.env, capture_output=True, text=True, check=False, timeout=PATIENCE)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def healthy(self) -> Any:
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=5) as answer:
                return json.loads(answer.read())
        except OSError:
            return None


@pytest.fixture(scope="module", params=["docker-compose", "docker compose"])
def program(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """Compose as v1.29 and v2 are called; a machine has one of them or both."""
    program: tuple[str, ...] = tuple(request.param.split())
    if shutil.which(program[0]) is None or subprocess.run([*program, "version"], capture_output=True, check=False).returncode != 0:
        pytest.skip(f"!! NOT TESTED: the stack by `{request.param}`, which is not installed here")
    return program


@pytest.fixture(scope="module", params=["embedded-reads", "hasura"])
def reads(request: pytest.FixtureRequest, engine: Any) -> str:
    """Who answers reads. Of Hasura's image there is no stand-in."""
    profile: str = request.param
    if profile == "hasura":
        (image,) = re.findall(r"HASURA_IMAGE:-([^}]+)}", (ROOT / "deploy" / "compose" / "docker-compose.yml").read_text())
        if not had(engine, image):
            pytest.skip(f"!! NOT TESTED: the stack with Hasura's image ({image}), which cannot be pulled here")
    return profile


@pytest.fixture(scope="module")
def stack(engine: Any, images: None, program: tuple[str, ...], reads: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    for image in ("postgres:16", "nats:2"):
        stand_in(engine, image)
    stack = Stack(tmp_path_factory.mktemp("stack"), program, reads)
    try:
        stack.compose("up", "-d")
        yield stack
    finally:
        stack.compose("down", "-v")


def test_from_nothing_to_a_run_in_a_container(stack: Stack, engine: Any) -> None:
    """What the README says, by the commands that it names."""
    wait_until("every service is healthy", stack.healthy, PATIENCE)
    assert "UNAUTHENTICATED" in subprocess.run([TOWPATH, "get", "flows"], env=stack.env, capture_output=True, text=True, check=False).stderr
    stack.env["TOWPATH_API_KEY"] = stack.compose("exec", "-T", "graphql", "towpath-graphql", "create-key", "--name", "me").strip()
    script = stack.folder / "composed.py"
    script.write_text(FLOW)
    (registered,) = json.loads(stack.towpath("register", "--path", str(script), "--json"))
    run = json.loads(stack.towpath("run", "--id", registered["flow_id"], "--json"))
    run_id = run.get("flow_run_id") or run["id"]
    state: Callable[[], str] = lambda: json.loads(stack.towpath("describe", "flow-run", run_id, "--json"))["state"]  # noqa: E731
    wait_until("the run ends", lambda: state() in ("Success", "Failed"), PATIENCE)
    assert state() == "Success", stack.compose("logs", "--no-color", "docker-agent", "engine")
    assert "inside: True" in stack.towpath("logs", run_id)
    mine = {"label": f"io.towpath.flow-run-id={run_id}"}
    wait_until("its container is removed", lambda: engine.containers.list(all=True, filters=mine, ignore_removed=True) == [], PATIENCE)


def test_the_agents_key_is_made_once(stack: Stack) -> None:
    """The job that tells the API the agent's key may run again, at every start."""
    assert "as it was" in stack.compose("run", "--rm", "-T", "agent-key")


ASK = """
import http.client, json, sys
for line in sys.stdin:
    method, path = line.split()
    connection = http.client.HTTPConnection("engine", 2375, timeout=20)
    connection.request(method, path, body="{}", headers={"content-type": "application/json"})
    answer = connection.getresponse()
    print(json.dumps([method, path, answer.status, answer.read(300).decode()]))
"""
PASSED = """
GET /_ping
HEAD /_ping
GET /version
GET /v1.41/info
GET /v1.41/containers/json
GET /containers/nobody/json
GET /v1.41/containers/nobody/logs?stdout=1
POST /v1.41/containers/create?name=nobody
POST /containers/nobody/start
POST /containers/nobody/stop?t=1
POST /containers/nobody/kill?signal=SIGUSR1
DELETE /containers/nobody?force=1
GET /images/registry.example:5000/nobody/nothing:1/json
POST /images/create?fromImage=
POST /networks/nobody/connect
"""
REFUSED = """
POST /containers/nobody/exec
POST /v1.41/containers/nobody/exec
POST /exec/nobody/start
POST /build
POST /containers/nobody/attach
POST /containers/nobody/wait
POST /containers/nobody/update
POST /containers/nobody/rename
GET /containers/nobody/archive?path=/etc
PUT /containers/nobody/archive?path=/etc
GET /containers/nobody/export
GET /containers/nobody/top
POST /containers/prune
GET /images/json
GET /images/x/get
DELETE /images/x
POST /images/load
POST /images/x/push
POST /images/create?fromSrc=-
GET /volumes
POST /volumes/create
POST /networks/create
DELETE /networks/x
POST /swarm/init
GET /secrets
GET /plugins
POST /auth
GET /system/df
GET /images/../containers/nobody/archive/json
GET /images/%2e%2e/json
GET //containers/json
GET /v1.41/../build
DELETE /containers/json/../x
PUT /containers/create
"""


def test_the_proxy_passes_what_the_agent_needs_only(stack: Stack) -> None:
    """Each verb that the agent uses reaches the engine, whatever that says; each other one gets 403 in the way."""
    command = ("exec", "-T", "docker-agent", "python3", "-c", ASK)
    answers = [json.loads(line) for line in stack.compose(*command, given=(PASSED + REFUSED).strip().replace("\n\n", "\n")).splitlines()]
    assert len(answers) == len((PASSED + REFUSED).split()) / 2
    wrong = []
    for method, path, status, body in answers:
        refused = status == 403 and (method == "HEAD" or "engine proxy" in body)
        if refused != (f"\n{method} {path}\n" in REFUSED) or status in (502, 503, 504):
            wrong.append((method, path, status, body))
    assert wrong == []


def test_services_have_no_more_than_they_need(stack: Stack, engine: Any) -> None:
    """Each of ours is healthy, on a root that cannot be written, without a capability, and as nobody but for the proxy."""
    found = {}
    for each in engine.containers.list(filters={"label": f"com.docker.compose.project={PROJECT}"}):
        name, host = each.labels["com.docker.compose.service"], each.attrs["HostConfig"]
        if each.attrs["Config"]["Image"].startswith("towpath-"):
            wait_until(
                f"{name} is healthy", lambda each=each: (each.reload(), each.attrs["State"]["Health"]["Status"])[1] == "healthy", PATIENCE
            )
            found[name] = (host["ReadonlyRootfs"], host["CapDrop"], host["SecurityOpt"], each.attrs["Config"]["User"])
    closed = (True, ["ALL"], ["no-new-privileges:true"])
    nobody = ["gateway", "graphql", "read-engine", "scheduler", "zombie-killer", "lazarus", "docker-agent"]
    assert found == dict.fromkeys(nobody, (*closed, "10001")) | {"engine": (*closed, "")}


def test_nothing_is_left(stack: Stack, engine: Any) -> None:
    """`down -v` takes containers, network and data along."""
    stack.compose("down", "-v")
    mine = {"label": f"com.docker.compose.project={PROJECT}"}
    assert engine.containers.list(all=True, filters=mine, ignore_removed=True) == []
    assert engine.networks.list(filters=mine) == []
    assert engine.volumes.list(filters=mine) == []
    assert isinstance(engine, docker.DockerClient)
