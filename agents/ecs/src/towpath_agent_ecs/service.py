"""An ECS agent as a service of ECS: its task definition, the service, and the least that it must be allowed."""

from __future__ import annotations

import json
from typing import Any

import click

from towpath.agent.installation import Installation
from towpath_agent_ecs.options import read
from towpath_agent_ecs.settings import FARGATE, ECSSettings
from towpath_agent_ecs.tasks import FAMILY

ACCOUNT = "ACCOUNT"
OPTIONS = (
    click.Option(["--agent-image"], default="towpath-agent-ecs:latest", show_default=True, help="Image of the agent itself."),
    click.Option(
        ["--agent-role-arn"], default=f"arn:aws:iam::{ACCOUNT}:role/towpath-agent", show_default=True, help="Role with the policy."
    ),
    click.Option(
        ["--key-secret"],
        default=f"arn:aws:ssm:REGION:{ACCOUNT}:parameter/towpath/api-key",
        show_default=True,
        metavar="ARN",
        help="Secret or parameter of AWS with the API key.",
    ),
)


def service(wanted: Installation, *, kind: str) -> str:
    """The JSON: `policy` for the agent's role, `taskDefinition` for RegisterTaskDefinition, `service` for CreateService.

    Args:
        wanted: The agent.
        kind: `ecs` or `fargate`.
    """
    options, name = wanted.options, "towpath-agent"
    command = ["towpath", "agent", kind, "start", *wanted.arguments]
    settings = read(options)
    execution = options["execution_role_arn"] or f"arn:aws:iam::{ACCOUNT}:role/ecsTaskExecutionRole"
    environment = {"TOWPATH_API_URL": wanted.client_settings.api_url, "TOWPATH_TRUSTED_KEYS": wanted.trusted_keys()}
    if options["region"]:
        environment["AWS_DEFAULT_REGION"] = options["region"]
    definition = {
        "family": name,
        "networkMode": "awsvpc",
        "requiresCompatibilities": [options.get("launch_type") or FARGATE],
        "cpu": "256",
        "memory": "512",
        "taskRoleArn": options["agent_role_arn"],
        "executionRoleArn": execution,
        "containerDefinitions": [
            {
                "name": "agent",
                "image": options["agent_image"],
                "essential": True,
                "command": command,
                "readonlyRootFilesystem": True,
                "environment": [{"name": key, "value": value} for key, value in environment.items()],
                "secrets": [{"name": "TOWPATH_API_KEY", "valueFrom": options["key_secret"]}],
            }
        ],
    }
    runs = {
        "cluster": options["cluster"],
        "serviceName": name,
        "taskDefinition": name,
        "desiredCount": 1,
        "launchType": definition["requiresCompatibilities"][0],
        "deploymentConfiguration": {"minimumHealthyPercent": 0, "maximumPercent": 100},
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["SUBNET"], "assignPublicIp": "ENABLED"}},
    }
    return json.dumps({"policy": policy(settings), "taskDefinition": definition, "service": runs}, indent=2) + "\n"


def policy(settings: ECSSettings) -> dict[str, Any]:
    """The least that an agent with these settings needs.

    It may pass the roles that the settings name and no other: which roles run configs may choose is for the account to say.
    """
    # AWS knows no narrower resource for these
    anywhere = ["ecs:DescribeTaskDefinition", "ecs:RegisterTaskDefinition", "ecs:ListTasks"]
    if not settings.run_task_kwargs.get("networkConfiguration"):
        anywhere += ["ec2:DescribeVpcs", "ec2:DescribeSubnets"]
    definitions = "*" if "task_definition_arn" in settings.allowed else f"{FAMILY}-*"
    statements: list[dict[str, Any]] = [
        _allow(anywhere, "*"),
        _allow(["ecs:RunTask"], f"arn:aws:ecs:*:*:task-definition/{definitions}"),
        _allow(["ecs:DescribeTasks", "ecs:StopTask"], "arn:aws:ecs:*:*:task/*"),
        _allow(["ecs:TagResource"], "arn:aws:ecs:*:*:task/*", **{"ecs:CreateAction": "RunTask"}),
    ]
    of_definition = map(settings.task_definition.get, ("taskRoleArn", "executionRoleArn"))
    roles = [str(arn) for arn in (settings.task_role_arn, settings.execution_role_arn, *of_definition) if arn]
    if roles:
        statements.append(_allow(["iam:PassRole"], *dict.fromkeys(roles), **{"iam:PassedToService": "ecs-tasks.amazonaws.com"}))
    if "task_definition_path" in settings.allowed:
        statements.append(_allow(["s3:GetObject"], "arn:aws:s3:::BUCKET/*"))
    return {"Version": "2012-10-17", "Statement": statements}


def _allow(actions: list[str], *resources: str, **equal: str) -> dict[str, Any]:
    condition = {"Condition": {"StringEquals": equal}} if equal else {}
    return {"Effect": "Allow", "Action": actions, "Resource": list(resources), **condition}
