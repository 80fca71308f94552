"""An ECS agent as a service of ECS: its task definition, the service, and the least that it must be allowed."""

from __future__ import annotations

import json
from typing import Any

import click

from towpath.agent.installation import Installation
from towpath_agent_ecs.settings import FARGATE

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
    roles = [arn for arn in (options["task_role_arn"], options["execution_role_arn"]) if arn]
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
    return json.dumps({"policy": policy(roles), "taskDefinition": definition, "service": runs}, indent=2) + "\n"


def policy(roles: list[str]) -> dict[str, Any]:
    """The least that the agent needs.

    Args:
        roles: Roles that it gives to runs; it may pass no other.
    """
    anywhere = ["ecs:DescribeTaskDefinition", "ecs:RegisterTaskDefinition", "ecs:ListTasks", "ec2:DescribeVpcs", "ec2:DescribeSubnets"]
    tasks = ["ecs:RunTask", "ecs:DescribeTasks", "ecs:StopTask"]
    statements: list[dict[str, Any]] = [
        {"Effect": "Allow", "Action": anywhere, "Resource": "*"},  # AWS knows no narrower resource for these
        {"Effect": "Allow", "Action": tasks, "Resource": ["arn:aws:ecs:*:*:task/*", "arn:aws:ecs:*:*:task-definition/towpath-*"]},
        {
            "Effect": "Allow",
            "Action": "ecs:TagResource",
            "Resource": "arn:aws:ecs:*:*:task/*",
            "Condition": {"StringEquals": {"ecs:CreateAction": "RunTask"}},
        },
    ]
    if roles:
        passed = {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
        statements.append({"Effect": "Allow", "Action": "iam:PassRole", "Resource": roles, "Condition": passed})
    return {"Version": "2012-10-17", "Statement": statements}
