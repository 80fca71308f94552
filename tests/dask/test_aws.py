"""Clusters of `dask_cloudprovider.aws` made by `DaskExecutor`, against moto's server: what one makes is deleted, however the run ends."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.dask.conftest import PATIENCE, PATIENT, Ended, Run
from tests.e2e.conftest import wait_until
from tests.ecs.host import Host, Task

CLASS = "dask_cloudprovider.aws.FargateCluster"
ON_INSTANCES = "dask_cloudprovider.aws.ECSCluster"


class Fargate(Host):
    """A host in front of moto whose tasks are Dask's own commands, and whose network is this machine's loopback."""

    path = ""
    """Where commands are."""
    stuck = False
    """Whether tasks stay pending."""
    failing = False
    """Whether no task gets its image."""

    def run(self, arn: str, request: dict[str, Any]) -> None:
        """Start a task as Fargate would."""
        task = self.tasks[arn] = Task(arn, request)
        if self.failing:
            task.end = {"stopCode": "TaskFailedToStart", "stoppedReason": "CannotPullContainerError: not found"}
        if self.stuck or self.failing:
            return
        (container,) = request["overrides"]["containerOverrides"]
        program = shutil.which(container["command"][0], path=self.path)
        assert program is not None
        home = self.folder / arn.rpartition("/")[2]
        home.mkdir()
        variables = {"PATH": self.path, "HOME": str(home), **PATIENT}
        variables |= {pair["name"]: pair["value"] for pair in container["environment"]}
        command = [program, *container["command"][1:], "--host", "127.0.0.1", "--no-dashboard"]
        with (home / "output").open("wb") as out:
            task.process = subprocess.Popen(command, env=variables, cwd=home, stdout=out, stderr=out, stdin=subprocess.DEVNULL)

    def forward(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        """Moto's answer, but for addresses."""
        status, said = super().forward(method, path, body, headers)
        if b"Action=DescribeNetworkInterfaces" in body:
            said = re.sub(rb"<privateIpAddress>[^<]*<", b"<privateIpAddress>127.0.0.1<", said)
        if headers.get("X-Amz-Target", "").endswith(".RunTask") and status == 200:
            said = said.replace(b'"lastStatus": "RUNNING"', b'"lastStatus": "PROVISIONING"')
        return status, said


@pytest.fixture
def fargate(moto: str, commands: str, tmp_path: Path) -> Iterator[Fargate]:
    folder = tmp_path / "tasks"
    folder.mkdir()
    host = Fargate(moto, folder)
    host.path = commands
    ecs = _client(moto, "ecs")
    ecs.put_account_setting(name="taskLongArnFormat", value="enabled")  # AWS's default, which moto does not tell
    ecs.close()
    yield host
    host.close()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def env(fargate: Fargate) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": fargate.url,
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _client(url: str, name: str) -> Any:
    return boto3.client(name, endpoint_url=url, region_name="eu-central-1", aws_access_key_id="testing", aws_secret_access_key="testing")


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _arguments(place: str = "fargate") -> dict[str, Any]:
    port = _free_port()
    return {
        "image": "towpath-dask",
        "n_workers": 1,
        "fargate_use_private_ip": True,
        "environment": {"PLACE": place},
        "scheduler_port": port,
        "scheduler_extra_args": ["--port", str(port)],
    }


def _left(fargate: Fargate) -> dict[str, list[str]]:
    """What there is in the account of what the class makes; its log group stays on purpose."""
    ecs, iam, ec2 = (_client(fargate.moto, name) for name in ("ecs", "iam", "ec2"))
    try:
        clusters = ecs.describe_clusters(clusters=ecs.list_clusters()["clusterArns"])["clusters"]
        groups = ec2.describe_security_groups()["SecurityGroups"]
        return {
            "clusters": [one["clusterName"] for one in clusters if one["status"] != "INACTIVE" and one["clusterName"].startswith("dask-")],
            "definitions": ecs.list_task_definitions(status="ACTIVE")["taskDefinitionArns"],
            "roles": [role["RoleName"] for role in iam.list_roles()["Roles"] if role["RoleName"].startswith("dask-")],
            "groups": [group["GroupName"] for group in groups if group["GroupName"].startswith("dask-")],
            "processes": [task.arn for task in fargate.tasks.values() if task.process is not None and task.process.poll() is None],
        }
    finally:
        for client in (ecs, iam, ec2):
            client.close()


NOTHING: dict[str, list[str]] = {"clusters": [], "definitions": [], "roles": [], "groups": [], "processes": []}


def _nothing_is_left(fargate: Fargate, ended: Ended) -> None:
    wait_until("tasks have ended", lambda: not _left(fargate)["processes"], PATIENCE)
    assert _left(fargate) == NOTHING, ended.output
    assert "could not be deleted" not in ended.output


def test_a_flow_runs_on_a_cluster_of_fargate(fargate: Fargate, env: dict[str, str], run: Run) -> None:
    """One task for the scheduler, one for the worker; tasks of the flow run in the latter, and all is deleted at the end."""
    ended = run(env, cluster_class=CLASS, cluster_kwargs=_arguments()).ended()
    assert (ended.kind, ended.results) == ("Success", [[x * x, "fargate"] for x in range(4)]), ended.output
    commands = [task.request["overrides"]["containerOverrides"][0]["command"][0] for task in fargate.tasks.values()]
    assert commands == ["dask-scheduler", "dask-worker"]
    assert all(task.request["launchType"] == "FARGATE" for task in fargate.tasks.values())
    assert len(fargate.calls["RegisterTaskDefinition"]) == len(fargate.calls["DeregisterTaskDefinition"]) == 2
    assert len(fargate.calls["CreateCluster"]) == len(fargate.calls["DeleteCluster"]) == 1
    _nothing_is_left(fargate, ended)


def test_a_flow_runs_on_instances_of_ec2(fargate: Fargate, env: dict[str, str], run: Run) -> None:
    """A cluster of yours with an instance: scheduler and worker are tasks on it, and it stays when all of the run is deleted."""
    ecs, ec2 = (_client(fargate.moto, name) for name in ("ecs", "ec2"))
    tags = [{"key": "owner", "value": "somebody"}]  # moto tells of none as AWS does not
    arn = ecs.create_cluster(clusterName="instances", tags=tags)["cluster"]["clusterArn"]
    image = ec2.describe_images()["Images"][0]["ImageId"]
    instance = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    identity = json.dumps({"instanceId": instance, "region": "eu-central-1", "accountId": "123456789012"})
    ecs.register_container_instance(cluster="instances", instanceIdentityDocument=identity)
    arguments = {**_arguments("ec2"), "cluster_arn": arn}
    arguments |= {f"{who}_{what}": size for who in ("scheduler", "worker") for what, size in (("cpu", 1024), ("mem", 2048))}
    ended = run(env, cluster_class=ON_INSTANCES, cluster_kwargs=arguments).ended()
    assert (ended.kind, ended.results) == ("Success", [[x * x, "ec2"] for x in range(4)]), ended.output
    assert [task.request.get("launchType", "EC2") for task in fargate.tasks.values()] == ["EC2", "EC2"]
    # the package's own look for what is stale may meet a deleted cluster of another test, of which moto still tells
    assert arn not in [call["cluster"] for call in fargate.calls["DeleteCluster"]]
    told = ecs.describe_tasks(cluster="instances", tasks=list(fargate.tasks))["tasks"]
    assert {task["containerInstanceArn"] for task in told} == set(
        ecs.list_container_instances(cluster="instances")["containerInstanceArns"]
    )
    _nothing_is_left(fargate, ended)
    for client in (ecs, ec2):
        client.close()


def test_a_run_that_is_cancelled_while_it_waits(fargate: Fargate, env: dict[str, str], run: Run) -> None:
    """Ctrl-C, or a cancelled run, waits for no container."""
    fargate.stuck = True
    running = run(env, cluster_class=CLASS, cluster_kwargs=_arguments())
    wait_until("the scheduler's task is asked after", lambda: fargate.calls["DescribeTasks"], PATIENCE)
    running.cancel()
    ended = running.ended()
    assert ended.kind == "Cancelled", ended.output
    assert [call["task"] for call in fargate.calls["StopTask"]] == list(fargate.tasks)
    _nothing_is_left(fargate, ended)


def test_a_run_that_is_cancelled_while_its_tasks_run(fargate: Fargate, env: dict[str, str], run: Run) -> None:
    """They are interrupted or given up, and the whole cluster is deleted."""
    running = run(env, cluster_class=CLASS, cluster_kwargs=_arguments("hold"))
    wait_until("a task runs", lambda: running.said("HOLDING"), PATIENCE)
    running.cancel()
    ended = running.ended()
    assert ended.kind == "Cancelled", ended.output
    _nothing_is_left(fargate, ended)


def test_a_scheduler_that_gets_no_image(fargate: Fargate, env: dict[str, str], run: Run) -> None:
    """The run ends with the package's own words, and nothing stays."""
    fargate.failing = True
    ended = run(env, cluster_class=CLASS, cluster_kwargs=_arguments()).ended()
    assert (ended.kind, "Scheduler failed to start" in ended.message) == ("Failed", True), ended.output
    _nothing_is_left(fargate, ended)


def test_an_account_that_refuses(fargate: Fargate, env: dict[str, str], run: Run) -> None:
    """What AWS says is what the run says, and what was made before is deleted."""
    refusal = {"__type": "AccessDeniedException", "message": "User is not authorized to perform: ecs:RegisterTaskDefinition"}
    fargate.instead["RegisterTaskDefinition"].append((400, refusal))
    ended = run(env, cluster_class=CLASS, cluster_kwargs=_arguments()).ended()
    assert ended.kind == "Failed", ended.output
    assert "not authorized to perform: ecs:RegisterTaskDefinition" in ended.message, json.dumps(ended.message)
    _nothing_is_left(fargate, ended)
