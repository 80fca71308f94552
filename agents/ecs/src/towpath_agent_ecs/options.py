"""The options of `towpath agent ecs start` that only this kind has. Their names are Prefect 1's where it had them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import yaml

from towpath.agent.options import ALLOW_REGISTRY, ENV, IMAGE, max_runs
from towpath.agent.settings import variables
from towpath_agent_ecs.settings import DEFAULT_CLUSTER, EC2, FARGATE, MAX_RUNS, ECSSettings
from towpath_proto.errors import Code, TowpathError

OPTIONS = (
    click.Option(["--cluster"], default=DEFAULT_CLUSTER, show_default=True, help="Name or ARN of the cluster."),
    click.Option(["--launch-type"], type=click.Choice([FARGATE, EC2]), default=FARGATE, show_default=True, help="Where tasks run."),
    click.Option(["--region"], help="Region of AWS. Default: AWS_DEFAULT_REGION, else the profile's."),
    IMAGE,
    ALLOW_REGISTRY,
    click.Option(["--task-role-arn"], metavar="ARN", help="Role of runs whose run config names none."),
    click.Option(["--execution-role-arn"], metavar="ARN", help="Role that pulls images and writes logs."),
    click.Option(["--task-definition"], metavar="FILE", help="YAML or JSON that the task definitions of runs begin with."),
    click.Option(["--run-task-kwargs"], metavar="FILE", help="YAML or JSON with further arguments of RunTask."),
    ENV,
    click.Option(["--allow"], multiple=True, metavar="KEY", help="Let run configs say this, such as task_role_arn. Repeatable."),
    max_runs(MAX_RUNS),
)


def read(options: Mapping[str, Any]) -> ECSSettings:
    """The settings that the values of `OPTIONS` mean.

    Raises:
        TowpathError: `BAD_SETTING` for an --env that is not KEY=VALUE, or a file that cannot be read or holds no object.
    """
    return ECSSettings(
        cluster=options["cluster"],
        launch_type=options.get("launch_type") or FARGATE,
        region=options["region"],
        image=options["image"],
        task_role_arn=options["task_role_arn"],
        execution_role_arn=options["execution_role_arn"],
        task_definition=_object("--task-definition", options["task_definition"]),
        run_task_kwargs=_object("--run-task-kwargs", options["run_task_kwargs"]),
        env=variables(options["env"]),
        allowed=frozenset(options["allow"]),
        allowed_registries=tuple(options["allow_registry"]),
        max_runs=options["max_runs"],
    )


def _object(option: str, path: str | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        found = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as e:
        raise TowpathError(Code.BAD_SETTING, f"{option} {path} cannot be read: {e}") from e
    if not isinstance(found, dict):
        raise TowpathError(Code.BAD_SETTING, f"{option} {path} must hold one object, not {type(found).__name__}.")
    return found
