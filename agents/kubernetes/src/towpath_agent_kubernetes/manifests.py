"""What `towpath agent kubernetes install` prints: the agent as a Deployment, its account, and the fewest rights that let it do its work."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import click
import yaml

from towpath.agent.installation import Installation

OPTIONS = (click.Option(["--tag"], default="latest", show_default=True, help="Tag of the agent's image."),)

RULES: tuple[dict[str, Any], ...] = (
    {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create", "delete", "get", "list", "watch"]},
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]},
    {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
    {"apiGroups": [""], "resources": ["events"], "verbs": ["list", "watch"]},
    # it writes tokens of runs and reads none
    {"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]},
)
"""The agent's Role."""
KEY_SECRET = "towpath-agent"
"""The secret whose `TOWPATH_API_KEY` the agent takes; whoever installs makes it."""

_START = ("towpath", "agent", "kubernetes", "start")
_PORT = 8080
_TEMPLATES = "/etc/towpath"


def manifests(wanted: Installation) -> list[dict[str, Any]]:
    """The objects, in the order in which they are to be applied.

    Args:
        wanted: The agent, with the values of `OPTIONS` among its options.
    """
    options = wanted.options
    name, namespace = object_name(wanted.settings.name), options["namespace"] or "default"
    marked = {"app.kubernetes.io/name": "towpath-agent-kubernetes", "app.kubernetes.io/instance": name}
    metadata = {"name": name, "namespace": namespace, "labels": marked}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
    template = options["job_template"]
    arguments = [*_START, *_without(wanted.arguments, "--kubeconfig", "--context", "--agent-address", "--job-template")]
    arguments += ["--agent-address", f"0.0.0.0:{_PORT}", *(["--job-template", f"{_TEMPLATES}/job.yaml"] if template else [])]
    env: list[dict[str, Any]] = [
        {"name": "TOWPATH_API_URL", "value": wanted.client_settings.api_url},
        {"name": "TOWPATH_API_KEY", "valueFrom": {"secretKeyRef": {"name": KEY_SECRET, "key": "TOWPATH_API_KEY"}}},
        {"name": "TOWPATH_HOME", "value": "/tmp/towpath"},
    ]
    if keys := wanted.trusted_keys():
        env.append({"name": "TOWPATH_TRUSTED_KEYS", "value": keys})
    volumes: list[dict[str, Any]] = [{"name": "tmp", "emptyDir": {}}]
    mounts = [{"name": "tmp", "mountPath": "/tmp"}]
    if template:
        volumes.append({"name": "templates", "configMap": {"name": name}})
        mounts.append({"name": "templates", "mountPath": _TEMPLATES})
    container = {
        "name": "agent",
        "image": f"towpath-agent-kubernetes:{options['tag']}",
        "args": arguments,
        "env": env,
        "ports": [{"name": "health", "containerPort": _PORT}],
        "livenessProbe": {"httpGet": {"path": "/health/live", "port": "health"}, "periodSeconds": 30},
        "readinessProbe": {"httpGet": {"path": "/health/ready", "port": "health"}, "periodSeconds": 10},
        "resources": {"requests": {"cpu": "20m", "memory": "100Mi"}, "limits": {"memory": "256Mi"}},
        "securityContext": {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
    }
    pod = {
        "serviceAccountName": name,
        "enableServiceLinks": False,  # a Service called towpath would set TOWPATH_PORT
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
        "volumes": volumes,
    }
    files = {"job.yaml": template.read_text(encoding="utf-8")} if template else {}
    return [
        *([{"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": files}] if files else []),
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata},
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": metadata, "rules": list(RULES)},
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}],
            "roleRef": role,
        },
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": metadata,
            "spec": {
                # one of a name: two would take care of the same Jobs
                "replicas": 1,
                "strategy": {"type": "Recreate"},
                "selector": {"matchLabels": marked},
                "template": {"metadata": {"labels": marked}, "spec": pod},
            },
        },
    ]


def text(wanted: Installation) -> str:
    """The objects as YAML that `kubectl apply -f -` takes, with what has to be done before."""

    class Plain(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

    namespace = wanted.options["namespace"] or "default"
    head = f"""\
# A Towpath agent that runs flows as Jobs of the namespace {namespace}.
#
#   kubectl --namespace {namespace} create secret generic {KEY_SECRET} --from-literal=TOWPATH_API_KEY=twk_...
#   kubectl apply -f towpath-agent.yaml
#
# TOWPATH_API_URL below has to be the API's address as pods see it. The images: deploy/docker/build.sh.
"""
    return head + "---\n".join(yaml.dump(one, Dumper=Plain, sort_keys=False) for one in manifests(wanted))


def object_name(name: str) -> str:
    """An agent's name as the cluster takes names of objects."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:50].strip("-") or "towpath-agent"


def _without(arguments: Sequence[str], *flags: str) -> list[str]:
    """Arguments without these options and their values."""
    kept = list(arguments)
    for flag in flags:
        if flag in kept:
            at = kept.index(flag)
            del kept[at : at + 2]
    return kept
