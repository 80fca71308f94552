"""What only the ECS agent can be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from towpath.agent.images import DEFAULT_IMAGE

DEFAULT_CLUSTER = "default"
FARGATE, EC2 = "FARGATE", "EC2"
MAX_RUNS = 500
INTERVAL = 10.0


@dataclass(frozen=True, slots=True)
class ECSSettings:
    """What only the ECS agent can be told.

    Attributes:
        cluster: Name or ARN of the cluster.
        launch_type: `FARGATE` or `EC2`; a capacity provider strategy takes its place.
        region: Region of AWS; the environment's by default.
        image: Image of runs for which neither run config nor task definition names one.
        task_role_arn: Role of runs whose run config names none.
        execution_role_arn: Role that pulls the image and writes logs.
        task_definition: What the definitions of runs begin with, as RegisterTaskDefinition takes it.
        run_task_kwargs: Further arguments of RunTask for every run.
        env: Environment variables of the runs it starts; a run config's own win.
        allowed: What run configs may say beyond the harmless: see `towpath_agent_ecs.policy`.
        allowed_registries: Images must come from one of these registries; empty for any.
        max_runs: At most this many runs at once.
        interval: Seconds between two looks at live tasks.
    """

    cluster: str = DEFAULT_CLUSTER
    launch_type: str = FARGATE
    region: str | None = None
    image: str = DEFAULT_IMAGE
    task_role_arn: str | None = None
    execution_role_arn: str | None = None
    task_definition: Mapping[str, Any] = field(default_factory=dict)
    run_task_kwargs: Mapping[str, Any] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    allowed: frozenset[str] = frozenset()
    allowed_registries: tuple[str, ...] = ()
    max_runs: int = MAX_RUNS
    interval: float = INTERVAL
