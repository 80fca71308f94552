"""Flow runs in containers of a real engine: what happens to them, and what people are told."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from typing import Any

from tests.docker.conftest import PATIENCE
from tests.e2e.conftest import Site

FLOWS = """
import os, socket, time
import towpath
from towpath import Flow, Parameter, task
from towpath.run_configs import DockerRun

@task
def look():
    towpath.context.logger.info("inside: %s, uid %s, COLOR %s", os.path.exists("/.dockerenv"), os.getuid(), os.environ.get("COLOR"))

@task
def eat(mb):
    food = []
    for _ in range(mb):
        food.append(os.urandom(1024 * 1024))
    return len(food)

@task
def wait():
    print("waiting", flush=True)
    time.sleep(600)

with Flow("inside", run_config=DockerRun(env={"COLOR": "blue"})) as inside:
    look()
with Flow("hungry", run_config=DockerRun(host_config={"mem_limit": "160m", "memswap_limit": "160m"})) as hungry:
    eat(Parameter("mb", default=400))
with Flow("patient", run_config=DockerRun()) as patient:
    wait()
"""


def _create(site: Site, name: str, **more: Any) -> str:
    if not hasattr(site, "flows"):
        site.flows = site.register("flows", FLOWS)
    with site.client as client:
        return client.create_flow_run(site.flows[name], **more)


def _running(site: Site, until: Callable[..., Any], run_id: str) -> None:
    until("its task runs", lambda: any(t["state"] == "Running" for t in site.run(run_id)["task_runs"]), PATIENCE)


def _story(site: Site, run_id: str) -> str:
    return json.dumps(site.run(run_id)) + site.logs(run_id)


def test_a_run_in_a_container_of_its_own(docked: Site, until: Callable[..., Any], containers: Any) -> None:
    """It runs in there as nobody in particular, its variables arrive, its log is read outside, and the container is gone afterwards."""
    run_id = _create(docked, "inside")
    docked.ended(run_id, state="Success", timeout=PATIENCE)
    assert "inside: True, uid 10001, COLOR blue" in docked.logs(run_id)
    until("its container is removed", lambda: not containers(run_id), PATIENCE)


def test_out_of_memory_is_said(docked: Site, until: Callable[..., Any], containers: Any) -> None:
    """A run that eats more than its limit fails with that reason, as soon as the kernel ends it."""
    run_id = _create(docked, "hungry")
    docked.ended(run_id, state="Failed", timeout=PATIENCE)
    assert "was killed by the kernel: out of memory" in _story(docked, run_id)
    until("its container is removed", lambda: not containers(run_id), PATIENCE)


def test_a_cancelled_run_ends_in_its_container(docked: Site, until: Callable[..., Any], containers: Any) -> None:
    """The agent pokes the container, its supervisor asks, and the run ends Cancelled without anybody waiting for a beat."""
    run_id = _create(docked, "patient")
    _running(docked, until, run_id)
    docked.cli("cancel", run_id)
    docked.ended(run_id, state="Cancelled", timeout=PATIENCE)
    until("its container is removed", lambda: not containers(run_id), PATIENCE)


def test_a_killed_container_is_reported_at_once(docked: Site, until: Callable[..., Any], containers: Any) -> None:
    """Nobody in the container can speak any more, so the agent does, with the container's last lines."""
    run_id = _create(docked, "patient")
    _running(docked, until, run_id)
    containers(run_id)[0].kill()
    docked.ended(run_id, state="Failed", timeout=PATIENCE)
    assert "was killed (SIGKILL)" in _story(docked, run_id)
    assert "waiting" in docked.logs(run_id)


def test_what_cannot_be_started_says_why(docked: Site, until: Callable[..., Any]) -> None:
    """An image that is not there, one without Towpath, and settings that reach for the host: the run is given back with the reason."""
    for config, words in (
        ({"image": "nobody/nothing:1"}, "its image 'nobody/nothing:1' is not there"),
        ({"image": "python:3.11-slim"}, "No module named 'towpath'"),
        ({"host_config": {"privileged": True}}, "its host_config has 'privileged', which this agent does not allow"),
        ({"host_config": {"binds": ["/:/host"]}}, "its host_config has 'binds', which this agent does not allow"),
        ({"host_config": {"mem_limit": "lots"}}, "its run config cannot be followed"),
    ):
        run_id = _create(docked, "inside", run_config={"type": "DockerRun", **config})
        until(f"reason: {words}", lambda run_id=run_id, words=words: words in _story(docked, run_id), PATIENCE)
        docked.cli("cancel", run_id)


def test_containers_outlive_their_agent(docked: Site, until: Callable[..., Any], containers: Any) -> None:
    """kill -9 of the agent ends no run; the next agent of that name finds the container and can stop it."""
    run_id = _create(docked, "patient")
    _running(docked, until, run_id)
    agent = docked.agents[0]
    agent.send_signal(signal.SIGKILL)
    agent.wait()
    docked.agents.remove(agent)
    (container,) = containers(run_id)
    assert container.status == "running"
    docked.agent("docker", "--network", "host", "--image", "towpath:test", "--pull", "never", kind="docker")
    container.kill()
    docked.ended(run_id, state="Failed", timeout=PATIENCE)
    assert "was killed (SIGKILL)" in _story(docked, run_id)
    until("its container is removed", lambda: not containers(run_id), PATIENCE)


def test_a_container_that_ended_while_nobody_looked(docked: Site, until: Callable[..., Any], containers: Any) -> None:
    """What happened between two agents is found by the second one."""
    run_id = _create(docked, "patient")
    _running(docked, until, run_id)
    agent = docked.agents[0]
    docked.stop_agent(agent)
    containers(run_id)[0].kill()
    docked.agent("docker", "--network", "host", "--image", "towpath:test", "--pull", "never", kind="docker")
    docked.ended(run_id, state="Failed", timeout=PATIENCE)
    until("its container is removed", lambda: not containers(run_id), PATIENCE)
