"""Where tasks run and what they are made of: instances of EC2, capacity providers, definitions that are registered, in a file or in S3."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.e2e.conftest import Site
from tests.ecs.conftest import OPTIONS
from tests.ecs.host import Host, Task
from towpath.cli import main

FLOWS = """
from towpath import Flow, task
from towpath.run_configs import ECSRun

@task
def look():
    return 1

with Flow("placed", run_config=ECSRun()) as placed:
    look()
"""
DEFINITION = {"family": "mine", "cpu": "256", "memory": "512", "containerDefinitions": [{"name": "flow", "image": "mine:1", "memory": 512}]}
ALLOWED = ("--allow", "task_definition_arn", "--allow", "task_definition_path", "--allow", "task_definition.networkMode")
ROLE = "arn:aws:iam::123456789012:role/agent"


@pytest.fixture(scope="module")
def ecs(aws: Host) -> Iterator[Any]:
    """A client of the region, whose cluster has got an instance of EC2."""
    with contextlib.closing(boto3.client("ec2")) as ec2:
        image = ec2.describe_images()["Images"][0]["ImageId"]
        instance = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    identity = json.dumps({"instanceId": instance, "region": "eu-central-1", "accountId": "123456789012"})
    with contextlib.closing(boto3.client("ecs", endpoint_url=aws.moto)) as client:
        client.register_container_instance(cluster="runs", instanceIdentityDocument=identity)
        yield client


@pytest.fixture(scope="module")
def placing(aws: Host, ecs: Any, empty_site: Site) -> Site:
    """A backend, and an agent whose tasks are on EC2 unless a run says another place."""
    empty_site.agent("ecs", *OPTIONS, *ALLOWED, "--launch-type", "EC2", kind="ecs")
    empty_site.flows = empty_site.register("placed", FLOWS)
    return empty_site


def _task(site: Site, aws: Host, **config: Any) -> Task:
    """The task of a run that has ended in Success."""
    with site.client as client:
        run_id = client.create_flow_run(site.flows["placed"], run_config={"type": "ECSRun", **config})
    site.ended(run_id, state="Success", timeout=120)
    (task,) = aws.of(run_id)
    return task


def test_a_run_on_an_instance_of_ec2(placing: Site, aws: Host, ecs: Any) -> None:
    """The agent's launch type: moto places the task on the instance, the definition is made for it, and no public address is asked for."""
    task = _task(placing, aws)
    assert task.request["launchType"] == "EC2"
    assert aws.definition(task.request["taskDefinition"])["requiresCompatibilities"] == ["EC2"]
    assert "assignPublicIp" not in task.request["networkConfiguration"]["awsvpcConfiguration"]
    (told,) = ecs.describe_tasks(cluster="runs", tasks=[task.arn])["tasks"]
    assert told["containerInstanceArn"] == ecs.list_container_instances(cluster="runs")["containerInstanceArns"][0]


def test_a_run_config_says_another_place(placing: Site, aws: Host) -> None:
    """A capacity provider takes the place of the agent's launch type, and Fargate's wants another definition."""
    task = _task(placing, aws, run_task_kwargs={"capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]})
    assert "launchType" not in task.request
    assert task.request["capacityProviderStrategy"] == [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]
    assert aws.definition(task.request["taskDefinition"])["requiresCompatibilities"] == ["FARGATE"]


def test_a_definition_that_somebody_has_registered(placing: Site, aws: Host, ecs: Any) -> None:
    """By its ARN: nothing is registered for the run, and sizes are the task's own."""
    arn = ecs.register_task_definition(**DEFINITION, networkMode="bridge")["taskDefinition"]["taskDefinitionArn"]
    before = len(aws.calls["RegisterTaskDefinition"])
    task = _task(placing, aws, task_definition_arn=arn, cpu="128")
    assert (task.request["taskDefinition"], task.request["overrides"]["cpu"]) == (arn, "128")
    assert "networkConfiguration" not in task.request, "only awsvpc has one"
    assert len(aws.calls["RegisterTaskDefinition"]) == before


def test_a_definition_in_a_file_in_s3_and_in_the_run_config_are_one(placing: Site, aws: Host, moto: str, tmp_path: Path) -> None:
    """What is equal is registered once, wherever it was read, and runs keep what the definition says."""
    text = json.dumps(DEFINITION | {"networkMode": "bridge"})
    (tmp_path / "definition.json").write_text(text)
    with contextlib.closing(boto3.client("s3", endpoint_url=moto)) as s3:
        s3.create_bucket(Bucket="definitions", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        s3.put_object(Bucket="definitions", Key="mine", Body=text.encode())
    before = len(aws.calls["RegisterTaskDefinition"])
    placing_by = (
        {"task_definition_path": f"agent://{tmp_path}/definition.json"},
        {"task_definition": json.loads(text)},
        {"task_definition_path": "s3://definitions/mine"},
    )
    used = [_task(placing, aws, **how).request["taskDefinition"] for how in placing_by]
    assert len(set(used)) == 1
    assert len(aws.calls["RegisterTaskDefinition"]) == before + 1
    made = aws.definition(used[0])
    assert (made["containerDefinitions"][0]["image"], made["cpu"], made["family"].rpartition("-")[0]) == ("mine:1", "256", "towpath-mine")


def test_what_install_prints_is_taken(aws: Host, ecs: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Definition, service and policy, by botocore's rules and moto's; what is written in capitals is filled in."""
    options = [
        "--cluster",
        "runs",
        "--region",
        "eu-central-1",
        "--task-role-arn",
        ROLE,
        "--key-secret",
        "arn:aws:ssm:eu-central-1:1:parameter/k",
    ]
    for kind in ("ecs", "fargate"):
        assert main(["agent", kind, "install", "--agent-role-arn", ROLE, *options]) == 0
        made = json.loads(capsys.readouterr().out.replace("ACCOUNT", "123456789012"))
        definition = ecs.register_task_definition(**made["taskDefinition"])["taskDefinition"]
        assert definition["taskRoleArn"] == ROLE
        with contextlib.closing(boto3.client("ec2")) as ec2:
            subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
        made["service"]["networkConfiguration"]["awsvpcConfiguration"] |= {"subnets": [subnet], "securityGroups": []}  # moto wants the key
        made["service"]["serviceName"] += f"-{kind}"
        service = ecs.create_service(**made["service"])["service"]
        assert (service["desiredCount"], service["taskDefinition"]) == (1, definition["taskDefinitionArn"])
        with contextlib.closing(boto3.client("iam", endpoint_url=aws.moto)) as iam:
            iam.create_policy(PolicyName=f"agent-{kind}", PolicyDocument=json.dumps(made["policy"]))


def test_an_agent_called_fargate(placing: Site, aws: Host) -> None:
    """It knows no other launch type, is registered as what it is called, and takes the same runs."""
    placing.stop_agent(placing.agents[0])
    placing.agent("fargate", *OPTIONS, kind="fargate")
    task = _task(placing, aws)
    assert task.request["launchType"] == "FARGATE"
    ((kind,),) = placing.sql("SELECT DISTINCT type FROM agent WHERE name = 'fargate'")
    assert kind == "fargate"
