"""The Job of a run, as values: its name, labels, template and secret. No cluster is spoken to here."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from towpath.agent.claims import MARK_FENCE, MARK_FLOW, MARK_RUN, ClaimedRun
from towpath.agent.images import check_image, wanted_image
from towpath.agent.inside import COMMAND, environment, stop_timeout
from towpath_agent_kubernetes import policy, templates
from towpath_agent_kubernetes.settings import KubernetesSettings

DOMAIN = "towpath.io/"
AGENT, RUN, FENCE, FLOW = (f"{DOMAIN}{name}" for name in ("agent", MARK_RUN, MARK_FENCE, MARK_FLOW))
CONTAINER = "flow"
"""The container that runs the flow, unless the template has none of that name: then its first one."""
TOKEN = "TOWPATH_RUN_TOKEN"
_PREFIX = "towpath-"
TTL = 3600
"""Seconds after which the cluster removes a finished Job by itself: an agent that is away for so long does not read its end any more."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A Job to be made.

    Attributes:
        job: The Job.
        token: The run's token, which goes into a secret of the Job's name.
    """

    job: dict[str, Any]
    token: str = field(repr=False)

    @property
    def name(self) -> str:
        """The Job's name."""
        return str(self.job["metadata"]["name"])


def job_name(run: ClaimedRun) -> str:
    """The name of a claim's Job. The same claim has the same name, so it has one Job at most."""
    return f"{_PREFIX}{run.id}-{run.fence}"


def claim_of(name: str) -> tuple[str, int] | None:
    """The claim whose Job has this name; None when it is no such name."""
    run, _, fence = name.removeprefix(_PREFIX).rpartition("-")
    return (run, int(fence)) if name.startswith(_PREFIX) and run and fence.isdecimal() else None


def label(mark: str) -> str:
    """An agent's mark as the value of a label, which takes 63 characters of few kinds."""
    fits = re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?", mark)
    return mark if fits else hashlib.sha256(mark.encode()).hexdigest()[:32]


def plan(run: ClaimedRun, settings: KubernetesSettings, *, api_url: str, trusted_keys: str, mark: str) -> Plan:
    """The Job of a run: the agent's template, the run config's over it, checked; then what Towpath needs.

    Args:
        run: The claimed run.
        settings: The agent's settings.
        api_url: The API's address as the agent sees it.
        trusted_keys: Public keys whose flows may run.
        mark: The agent's `scope`.

    Raises:
        CannotStartError: The template is none, or asks for what the policy refuses.
    """
    config = run.run_config
    job = deepcopy(templates.merge(settings.job_template, templates.of_run(config, settings.template_folder)))
    spec = _object(job, "spec")
    template = _object(spec, "template")
    pod = _object(template, "spec")
    account = config.get("service_account_name") or pod.pop("serviceAccountName", None) or settings.service_account_name
    policy.check_service_account(account, settings.service_account_name, settings.allowed)
    policy.check_job(job, settings.allowed)
    container = _container(pod)
    container["image"] = wanted_image(run) or container.get("image") or settings.image
    for one in (*pod["containers"], *pod.get("initContainers", ())):
        check_image(str(one.get("image") or ""), settings.allowed_registries)
    env = environment(run, api_url=api_url, trusted_keys=trusted_keys, env=settings.env)
    marks = run.marks(DOMAIN)
    labels = {AGENT: label(mark), **{name: marks.pop(name) for name in (RUN, FENCE, FLOW)}, "app.kubernetes.io/managed-by": "towpath"}
    for metadata in (_object(job, "metadata"), _object(template, "metadata")):
        for name in ("name", "generateName", "creationTimestamp"):
            metadata.pop(name, None)
        metadata["labels"] = {**(metadata.get("labels") or {}), **labels}
        metadata["annotations"] = {**(metadata.get("annotations") or {}), **marks}  # names of any length
    job |= {"apiVersion": "batch/v1", "kind": "Job"}
    job["metadata"]["name"] = job_name(run)
    spec.setdefault("ttlSecondsAfterFinished", TTL)
    spec |= {"backoffLimit": 0, "completions": 1, "parallelism": 1}
    _fill_pod(pod, config, settings, account)
    pod.setdefault("terminationGracePeriodSeconds", stop_timeout(env))
    _fill_container(container, config, settings)
    container["env"] = _variables(container.get("env") or [], env, job_name(run))
    for one in (*pod["containers"], *pod.get("initContainers", ())):
        _restrict_container(one)
    return Plan(job, run.run_token)


def claimed(metadata: Mapping[str, Any]) -> ClaimedRun | None:
    """The run that an object's labels and annotations name."""
    return ClaimedRun.from_marks({**(metadata.get("annotations") or {}), **(metadata.get("labels") or {})}, DOMAIN)


def secret(plan: Plan, uid: str) -> dict[str, Any]:
    """The secret that holds the run's token. It belongs to the Job and goes with it.

    Args:
        plan: The Job's plan.
        uid: The Job's uid in the cluster.
    """
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": plan.name, "uid": uid}
    labels = {name: plan.job["metadata"]["labels"][name] for name in (AGENT, RUN, FENCE)}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": plan.name, "labels": labels, "ownerReferences": [owner]},
        "type": "Opaque",
        "immutable": True,
        "stringData": {TOKEN: plan.token},
    }


def _object(parent: dict[str, Any], name: str) -> dict[str, Any]:
    found = parent.get(name)
    if not isinstance(found, dict):
        found = parent[name] = {}
    return found


def _container(pod: dict[str, Any]) -> dict[str, Any]:
    containers: list[dict[str, Any]] = pod.get("containers") or []
    found = next((c for c in containers if c.get("name") == CONTAINER), containers[0] if containers else {})
    found.setdefault("name", CONTAINER)
    pod["containers"] = containers or [found]
    return found


def _fill_pod(pod: dict[str, Any], config: Mapping[str, Any], settings: KubernetesSettings, account: str | None) -> None:
    pod["restartPolicy"] = "Never"
    pulling = [*settings.image_pull_secrets, *(config.get("image_pull_secrets") or ())]
    if pulling:
        pod["imagePullSecrets"] = [*pod.get("imagePullSecrets", ()), *({"name": name} for name in dict.fromkeys(pulling))]
    if account:
        pod["serviceAccountName"] = account
    # without an account of its own a run has no business with the cluster
    pod.setdefault("automountServiceAccountToken", account is not None)
    context = _object(pod, "securityContext")
    context.setdefault("runAsNonRoot", True)
    context.setdefault("seccompProfile", {"type": "RuntimeDefault"})


def _fill_container(container: dict[str, Any], config: Mapping[str, Any], settings: KubernetesSettings) -> None:
    container["args"] = list(COMMAND)
    pull = config.get("image_pull_policy") or container.get("imagePullPolicy") or settings.image_pull_policy
    if pull:
        container["imagePullPolicy"] = pull
    resources = _object(container, "resources")
    for group, which in (("requests", "request"), ("limits", "limit")):
        amounts = dict(resources.get(group) or {})
        for resource in ("cpu", "memory"):
            amount = config.get(f"{resource}_{which}") or amounts.get(resource) or getattr(settings, f"{resource}_{which}")
            if amount is not None:
                amounts[resource] = str(amount)
        if amounts:
            resources[group] = amounts


def _restrict_container(container: dict[str, Any]) -> None:
    """What the level "restricted" wants said; whoever was allowed to say otherwise has said so."""
    context = _object(container, "securityContext")
    if not context.get("privileged"):
        context.setdefault("allowPrivilegeEscalation", False)
    _object(context, "capabilities").setdefault("drop", ["ALL"])


def _variables(given: list[dict[str, Any]], env: Mapping[str, str], secret_name: str) -> list[dict[str, Any]]:
    """Template's variables below the agent's and the run's; the token by reference, so that whoever reads pods does not read it."""
    ours: dict[str, dict[str, Any]] = {name: {"name": name, "value": value} for name, value in env.items()}
    ours[TOKEN] = {"name": TOKEN, "valueFrom": {"secretKeyRef": {"name": secret_name, "key": TOKEN}}}
    return [*(one for one in given if one.get("name") not in ours), *ours.values()]
