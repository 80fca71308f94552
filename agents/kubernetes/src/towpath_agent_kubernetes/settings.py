"""What only the Kubernetes agent can be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from towpath.agent.images import DEFAULT_IMAGE

MAX_RUNS = 500
TROUBLE_GRACE = 30.0
"""Seconds that a pod which cannot start (image, quota, configuration) has to get over it."""


@dataclass(frozen=True, slots=True)
class KubernetesSettings:
    """What only the Kubernetes agent can be told.

    Attributes:
        namespace: Where its Jobs are; None for the kubeconfig's, or in a cluster the agent's own.
        kubeconfig: A kubeconfig file; None for the pod's own account, `KUBECONFIG`, `~/.kube/config`, whichever is there first.
        context: A context of the kubeconfig; None for the current one.
        image: Image of runs for which neither run config nor template names one.
        image_pull_policy: `Always`, `IfNotPresent` or `Never`; None for the cluster's default.
        image_pull_secrets: Names of secrets of the namespace with which images are pulled.
        allowed_registries: Images must come from one of these registries; empty for any.
        service_account_name: Who the pods are in the cluster. Without one they get no token of the cluster.
        cpu_request, cpu_limit, memory_request, memory_limit: Resources of runs for which neither run config nor template says any.
        job_template: The agent's template of a Job; a run config's is laid over it.
        template_folder: Files in it may be named by run configs as `agent://FILE`; None for none.
        env: Environment variables of the runs it starts; a run config's own win.
        allowed: Fields of a Job that are allowed beyond the harmless ones, by their own names, such as `hostPath`.
        max_runs: At most this many runs at once.
        show_flow_logs: Whether what runs print is printed by the agent too, over a connection for each run.
        keep: Whether Jobs stay when they have ended.
        trouble_grace: Seconds that a pod which cannot start has to get over it.
    """

    namespace: str | None = None
    kubeconfig: str | None = None
    context: str | None = None
    image: str = DEFAULT_IMAGE
    image_pull_policy: str | None = None
    image_pull_secrets: tuple[str, ...] = ()
    allowed_registries: tuple[str, ...] = ()
    service_account_name: str | None = None
    cpu_request: str | None = None
    cpu_limit: str | None = None
    memory_request: str | None = None
    memory_limit: str | None = None
    job_template: Mapping[str, Any] = field(default_factory=dict)
    template_folder: Path | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    allowed: frozenset[str] = frozenset()
    max_runs: int = MAX_RUNS
    show_flow_logs: bool = False
    keep: bool = False
    trouble_grace: float = TROUBLE_GRACE
