"""What a run config may ask of AWS. Whoever may create runs is not whoever may use the account's roles and networks.

Keys that only size and place the task are taken by themselves; others an operator allows by name: `task_role_arn`,
`task_definition.volumes`, `container.privileged`, `run_task.networkConfiguration`. The keys are the ECS API's. IAM has the last word
in any case.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from towpath.agent.base import CannotStartError

FIELDS = ("task_role_arn", "execution_role_arn", "task_definition_arn", "task_definition_path")
"""Fields of ECSRun that reach beyond the run: roles, what others have registered, files of the agent's machine and of S3."""
HARMLESS: Mapping[str, frozenset[str]] = {
    "run_task": frozenset(
        {"capacityProviderStrategy", "enableECSManagedTags", "launchType", "placementConstraints", "placementStrategy", "platformVersion"}
    ),
    "task_definition": frozenset(
        {"containerDefinitions", "cpu", "ephemeralStorage", "family", "memory", "requiresCompatibilities", "runtimePlatform"}
    ),
    "container": frozenset(
        {
            *("command", "cpu", "dependsOn", "disableNetworking", "dockerLabels", "environment", "essential", "healthCheck", "image"),
            *("memory", "memoryReservation", "name", "readonlyRootFilesystem", "resourceRequirements", "startTimeout", "stopTimeout"),
            *("ulimits", "user", "workingDirectory"),
        }
    ),
}
"""Sizes, places and GPUs: they take nothing but room."""


def check_run_config(config: Mapping[str, Any], allowed: Collection[str]) -> None:
    """Refuse a run config that reaches beyond its task.

    Raises:
        CannotStartError: With the key, and the option that would allow it.
    """
    for name in FIELDS:
        if config.get(name) is not None and name not in allowed:
            _refuse(name)
    _check("run_task", config.get("run_task_kwargs") or {}, allowed)
    check_definition(config.get("task_definition") or {}, allowed)


def check_definition(definition: Mapping[str, Any], allowed: Collection[str]) -> None:
    """Refuse a run config's task definition that reaches beyond its task.

    Raises:
        CannotStartError: With the key, and the option that would allow it; or when it is none.
    """
    _check("task_definition", definition, allowed)
    containers = definition.get("containerDefinitions") or []
    if not isinstance(containers, list) or not all(isinstance(container, dict) for container in containers):
        raise CannotStartError("its task_definition's containerDefinitions must be a list of objects")
    for container in containers:
        _check("container", container, allowed)


def _check(what: str, given: Mapping[str, Any], allowed: Collection[str]) -> None:
    for key in sorted(given.keys() - HARMLESS[what]):
        if f"{what}.{key}" not in allowed:
            _refuse(f"{what}.{key}")


def _refuse(name: str) -> None:
    raise CannotStartError(f"its run config has {name!r}, which this agent does not allow: it was not started with --allow {name}")
