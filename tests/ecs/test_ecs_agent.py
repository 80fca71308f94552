"""Flow runs as tasks of ECS, as moto has it: what happens to them, and what people are told."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable
from typing import Any

import psutil
import pytest

from tests.e2e.conftest import Site
from tests.ecs.conftest import OPTIONS
from tests.ecs.host import LOST, Host, Task

FLOWS = """
import os, time
import towpath
from towpath import Flow, task
from towpath.run_configs import ECSRun

@task
def look():
    towpath.context.logger.info("inside: COLOR %s", os.environ.get("COLOR"))

@task
def wait():
    time.sleep(600)

with Flow("inside", run_config=ECSRun(env={"COLOR": "blue"}, cpu="512", memory="1024")) as inside:
    look()
with Flow("patient", run_config=ECSRun()) as patient:
    wait()
"""
THROTTLED = (400, {"__type": "ThrottlingException", "message": "Rate exceeded"})
NO_ROOM = (200, {"tasks": [], "failures": [{"arn": "arn:aws:ecs:eu-central-1:1:container-instance/i", "reason": "RESOURCE:MEMORY"}]})


def _create(site: Site, name: str, **more: Any) -> str:
    if not hasattr(site, "flows"):
        site.flows = site.register("flows", FLOWS)
    with site.client as client:
        return client.create_flow_run(site.flows[name], **more)


def _running(site: Site, until: Callable[..., Any], run_id: str) -> None:
    until("its task runs", lambda: any(t["state"] == "Running" for t in site.run(run_id)["task_runs"]), 60)


def _task(aws: Host, until: Callable[..., Any], run_id: str) -> Task:
    (task,) = until("ECS has a task for it", lambda: aws.of(run_id), 40)
    found: Task = task
    return found


def _story(site: Site, run_id: str) -> str:
    return json.dumps(site.run(run_id)) + site.logs(run_id)


def _said(site: Site) -> str:
    return (site.folder / "ecs.log").read_text()


def test_runs_as_tasks(cloud: Site, aws: Host, until: Callable[..., Any]) -> None:
    """Two runs alike end in Success: two tasks of one definition, in the default VPC, with the run's variables."""
    before = len(aws.calls["RegisterTaskDefinition"])
    runs = [_create(cloud, "inside"), _create(cloud, "inside")]
    for run_id in runs:
        cloud.ended(run_id, state="Success", timeout=90)
        assert "inside: COLOR blue" in cloud.logs(run_id)
    first, second = (_task(aws, until, run_id).request for run_id in runs)
    assert first["taskDefinition"] == second["taskDefinition"]
    assert len(aws.calls["RegisterTaskDefinition"]) == before + 1
    (made,) = aws.calls["RegisterTaskDefinition"][before:]
    assert (made["cpu"], made["memory"], made["requiresCompatibilities"]) == ("512", "1024", ["FARGATE"])
    assert "TOWPATH_RUN_TOKEN" not in json.dumps(aws.calls["RegisterTaskDefinition"])
    network = first["networkConfiguration"]["awsvpcConfiguration"]
    assert network["subnets"]
    assert network["assignPublicIp"] == "ENABLED"
    assert first["clientToken"] != second["clientToken"]


def test_a_lost_answer_makes_no_second_task(cloud: Site, aws: Host, until: Callable[..., Any]) -> None:
    """The same call is made again, with the same token."""
    before = len(aws.calls["RunTask"])
    aws.instead["RunTask"].append(LOST)
    run_id = _create(cloud, "inside")
    cloud.ended(run_id, state="Success", timeout=90)
    calls = aws.calls["RunTask"][before:]
    assert len(calls) == 2
    assert len({call["clientToken"] for call in calls}) == 1
    assert len(aws.of(run_id)) == 1


def test_no_room_and_throttling_pass(cloud: Site, aws: Host) -> None:
    """Tried again with a pause, another token, and the reason in the agent's log; the agent lives on."""
    before = len(aws.calls["RunTask"])
    aws.instead["RunTask"] += [NO_ROOM, *[THROTTLED] * 5]
    run_id = _create(cloud, "inside")
    cloud.ended(run_id, state="Success", timeout=120)
    assert len({call["clientToken"] for call in aws.calls["RunTask"][before:]}) == 3
    assert "ECS cannot place its task: RESOURCE:MEMORY" in _said(cloud)
    assert "AWS refuses RunTask: Rate exceeded (ThrottlingException)" in _said(cloud)
    assert cloud.agents[0].poll() is None


def test_an_image_that_is_not_there_is_said(cloud: Site, aws: Host, until: Callable[..., Any]) -> None:
    """ECS tells it by the stopped task only; the run is given back with it."""
    aws.unpullable.add("nobody/nothing:1")
    run_id = _create(cloud, "inside", run_config={"type": "ECSRun", "image": "nobody/nothing:1"})
    until("the reason is told", lambda: "CannotPullContainerError" in _story(cloud, run_id), 60)
    cloud.cli("cancel", run_id)


def test_out_of_memory_is_said(cloud: Site, aws: Host, until: Callable[..., Any]) -> None:
    """What ends a task that runs is the run's reason."""
    run_id = _create(cloud, "patient")
    _running(cloud, until, run_id)
    task = _task(aws, until, run_id)
    task.container = {"reason": "OutOfMemoryError: Container killed due to memory usage"}
    assert task.process is not None
    task.process.kill()
    cloud.ended(run_id, state="Failed", timeout=60)
    assert "was killed by the kernel: out of memory" in _story(cloud, run_id)


def test_what_is_not_allowed_says_why(cloud: Site, aws: Host, until: Callable[..., Any]) -> None:
    """The run is given back with the option that would allow it, and AWS is not asked."""
    before = len(aws.calls["RunTask"])
    for config, words in (
        ({"task_role_arn": "arn:aws:iam::1:role/admin"}, "--allow task_role_arn"),
        ({"run_task_kwargs": {"overrides": {}}}, "--allow run_task.overrides"),
    ):
        run_id = _create(cloud, "inside", run_config={"type": "ECSRun", **config})
        until(words, lambda run_id=run_id, words=words: words in _story(cloud, run_id), 40)
        cloud.cli("cancel", run_id)
    assert len(aws.calls["RunTask"]) == before


def test_a_cancelled_run_ends(cloud: Site, aws: Host, until: Callable[..., Any]) -> None:
    """Running: its supervisor hears of it. Pending: its task is stopped, with the reason."""
    run_id = _create(cloud, "patient")
    _running(cloud, until, run_id)
    cloud.cli("cancel", run_id)
    cloud.ended(run_id, state="Cancelled", timeout=40)
    until("its task ends", lambda: _task(aws, until, run_id).stopped, 20)
    aws.holding = True
    try:
        pending = _create(cloud, "patient")
        task = _task(aws, until, pending)
        cloud.cli("cancel", pending)
        until("StopTask is called", lambda: any(call["task"] == task.arn for call in aws.calls["StopTask"]), 40)
    finally:
        aws.holding = False
    cloud.ended(pending, state="Cancelled", timeout=40)


def test_tasks_outlive_their_agent(cloud: Site, aws: Host, until: Callable[..., Any]) -> None:
    """kill -9 of the agent ends no run; the next agent of that name finds the task and tells how it ended."""
    run_id = _create(cloud, "patient")
    _running(cloud, until, run_id)
    agent = cloud.agents[0]
    agent.send_signal(signal.SIGKILL)
    agent.wait()
    cloud.agents.remove(agent)
    task = _task(aws, until, run_id)
    assert not task.stopped
    cloud.agent("ecs", *OPTIONS, kind="ecs")
    until("it finds the task", lambda: "live tasks: 1" in _said(cloud), 20)
    assert task.process is not None
    task.process.kill()
    cloud.ended(run_id, state="Failed", timeout=60)
    assert "was killed (SIGKILL)" in _story(cloud, run_id)


def test_an_idle_agent_asks_for_nothing(cloud: Site, aws: Host, until: Callable[..., Any]) -> None:
    """Without a live task AWS is left alone; memory stays below its limit."""
    agent = psutil.Process(cloud.agents[0].pid)
    cpu: list[float] = []
    window = 12.0  # longer than an interval

    def quiet() -> bool:
        before = sum(map(len, aws.calls.values()))
        cpu[:] = [sum(agent.cpu_times()[:2])]
        with pytest.raises(subprocess.TimeoutExpired):  # it lives on
            cloud.agents[0].wait(window)
        cpu.append(sum(agent.cpu_times()[:2]))
        return sum(map(len, aws.calls.values())) == before

    until("no call for more than an interval", quiet, 60)
    used = agent.memory_full_info().pss / 2**20
    print(f"\nidle ECS agent: {used:.0f} MiB PSS, {(cpu[1] - cpu[0]) / window:.2%} of a core")
    assert used <= 100
