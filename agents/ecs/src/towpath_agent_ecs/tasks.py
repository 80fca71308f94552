"""The task of a run, as values: its definition, its name by content, the arguments of RunTask, its tags. AWS is not spoken to here."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from towpath.agent import merging
from towpath.agent.base import CannotStartError
from towpath.agent.claims import ClaimedRun
from towpath.agent.inside import COMMAND
from towpath_agent_ecs.settings import EC2, FARGATE, ECSSettings

CONTAINER = "flow"
"""The container that the run is in, as in Prefect 1."""
CPU, MEMORY = "1024", "2048"
"""Sizes of a task for which nothing says another: one vCPU, 2 GiB."""
TAG = "towpath:"
FAMILY = "towpath"
"""What the names of all definitions begin with that the agent registers."""

_KEYS = {"containerOverrides": "name", "environment": "name", "resourceRequirements": "type", "tags": "key"}


def definition(config: Mapping[str, Any], given: Mapping[str, Any], settings: ECSSettings, launch_type: str) -> dict[str, Any]:
    """The task definition of a run, without what differs from run to run, so that runs alike share one.

    Args:
        config: The run config; its image, sizes and roles win.
        given: The definition that the run config names; empty for the agent's.
        settings: The agent's settings.
        launch_type: `FARGATE` or `EC2`.
    """
    made: dict[str, Any] = deepcopy(dict(given or settings.task_definition))
    containers = made.setdefault("containerDefinitions", [])
    flow = next((container for container in containers if container.get("name") == CONTAINER), None)
    if flow is None:
        flow = {"name": CONTAINER}
        containers.insert(0, flow)
    flow["image"] = config.get("image") or flow.get("image") or settings.image
    flow["essential"] = True
    flow["command"] = list(COMMAND)
    made.setdefault("networkMode", "awsvpc")
    made["requiresCompatibilities"] = [launch_type]
    for key, value, default in (
        ("cpu", config.get("cpu"), CPU),
        ("memory", config.get("memory"), MEMORY),
        ("taskRoleArn", config.get("task_role_arn"), settings.task_role_arn),
        ("executionRoleArn", config.get("execution_role_arn"), settings.execution_role_arn),
    ):
        wanted = value or made.get(key) or default
        if wanted:
            made[key] = str(wanted)
    given_name = str(made.get("family") or "")
    # whoever says what the agent may run (IAM) knows its definitions by this beginning
    family = "-".join(part for part in (FAMILY, given_name.removeprefix(FAMILY).strip("-")) if part)[:200]
    made["family"] = f"{family}-{content_hash({**made, 'family': family})}"
    return made


def content_hash(value: Any) -> str:
    """What is equal for equal content: a part of the family's name, by which any agent finds what another has registered."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":"), default=str).encode()).hexdigest()[:24]


def images(made: Mapping[str, Any]) -> list[str]:
    """The images of a definition."""
    return [str(container.get("image")) for container in made.get("containerDefinitions") or ()]


def launch_type(config: Mapping[str, Any], settings: ECSSettings) -> str:
    """What the task is made for: the launch type, or what the capacity providers are."""
    kwargs = run_task_kwargs(config, settings)
    providers = kwargs.get("capacityProviderStrategy")
    if providers:
        return FARGATE if all(str(p.get("capacityProvider", "")).startswith(FARGATE) for p in providers) else EC2
    return str(kwargs.get("launchType") or settings.launch_type).upper()


def run_task_kwargs(config: Mapping[str, Any], settings: ECSSettings) -> dict[str, Any]:
    """Arguments of RunTask: the agent's, and the run config's over them.

    Objects are laid over each other field by field; overrides of containers, variables and tags by their names; other lists replace each
    other. A launch type and capacity providers exclude each other for AWS: the run config's takes the place of the agent's.
    """
    given = config.get("run_task_kwargs") or {}
    below = dict(settings.run_task_kwargs)
    for one, other in (("launchType", "capacityProviderStrategy"), ("capacityProviderStrategy", "launchType")):
        if given.get(one):
            below.pop(other, None)
    return deepcopy(merging.merge(below, given, keys=_KEYS))


def request(
    run: ClaimedRun,
    settings: ECSSettings,
    described: Mapping[str, Any],
    *,
    environment: Mapping[str, str],
    network: Mapping[str, Any] | None,
    started_by: str,
) -> dict[str, Any]:
    """The arguments of RunTask, but for its clientToken.

    Args:
        run: The claimed run.
        settings: The agent's settings.
        described: The registered definition, as AWS describes it.
        environment: The run's environment; it holds a secret.
        network: Where it is connected when neither side says it.
        started_by: What marks tasks of this agent.

    Raises:
        CannotStartError: When the definition has no container for the run.
    """
    config = run.run_config
    made = run_task_kwargs(config, settings)
    made.setdefault("cluster", settings.cluster)
    if not made.get("capacityProviderStrategy"):
        made["launchType"] = launch_type(config, settings)
    if network is not None:
        made.setdefault("networkConfiguration", dict(network))
    overrides: dict[str, Any] = dict(made.get("overrides") or {})
    if config.get("task_definition_arn"):  # what is registered stays as it is
        for key, field in (("cpu",) * 2, ("memory",) * 2, ("taskRoleArn", "task_role_arn"), ("executionRoleArn", "execution_role_arn")):
            if config.get(field):
                overrides[key] = str(config[field])
    name = container_of(described)
    containers = {str(o.get("name")): o for o in overrides.get("containerOverrides") or ()}
    variables = [{"name": key, "value": value} for key, value in environment.items()]
    flow = {**containers.pop(name, {}), "name": name, "command": list(COMMAND), "environment": variables}
    overrides["containerOverrides"] = [flow, *containers.values()]
    made.update(
        taskDefinition=described["taskDefinitionArn"], count=1, overrides=overrides, startedBy=started_by, tags=_tags(run, made.get("tags"))
    )
    return made


def container_of(described: Mapping[str, Any]) -> str:
    """The container of a definition that the run is in: `flow`, or the only one.

    Raises:
        CannotStartError: When it cannot be told.
    """
    names = [str(container.get("name")) for container in described.get("containerDefinitions") or ()]
    if CONTAINER in names:
        return CONTAINER
    if len(names) != 1:
        raise CannotStartError(f"its task definition has no container {CONTAINER!r} (it has {', '.join(names) or 'none'})")
    return names[0]


def client_token(run: ClaimedRun, attempt: int) -> str:
    """What makes a repeated call the same call. A refused one is made again as another: AWS may remember the refusal."""
    return hashlib.sha256(f"{run.id}/{run.fence}/{attempt}".encode()).hexdigest()


def started_by(mark: str) -> str:
    """An agent's scope as RunTask takes it: any agent of the same name and API has the same."""
    return f"towpath-{hashlib.sha256(mark.encode()).hexdigest()[:24]}"


def claimed(tags: list[dict[str, str]]) -> ClaimedRun | None:
    """The run that a task's tags name."""
    return ClaimedRun.from_marks({tag.get("key", ""): tag.get("value") for tag in tags}, TAG)


def _tags(run: ClaimedRun, given: Any) -> list[dict[str, str]]:
    others = [tag for tag in given or () if not str(tag.get("key", "")).startswith(TAG)]
    return [*others, *({"key": key, "value": _tag_value(value)} for key, value in run.marks(TAG).items())]


def _tag_value(text: str) -> str:
    """As AWS takes it: letters, digits, blanks and few marks, at most 256."""
    return re.sub(r"[^\w\s+\-=.:/@]", "-", text)[:256]
