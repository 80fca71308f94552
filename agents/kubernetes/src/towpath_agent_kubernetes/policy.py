"""What a Job may ask of the cluster. Whoever may create runs is not whoever may become root on a node, or read the namespace's secrets.

Every field of the merged Job has to be on a list. What is not there (also what Kubernetes does not know) an operator allows by its name.
The lists hold what the Pod Security Standards' level "restricted" lets through, without what reaches other objects of the namespace.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from towpath.agent.base import CannotStartError


@dataclass(frozen=True, slots=True)
class Only:
    """A field that may have certain values only."""

    fits: Callable[[Any], bool]
    wanted: str


ANY: Final = object()
"""The field and all in it."""
Rules = Mapping[str, Any]

_NOT_ROOT = Only(lambda v: isinstance(v, int) and not isinstance(v, bool) and v > 0, "a number above 0")
_FALSE = Only(lambda v: v is False, "false")
_TRUE = Only(lambda v: v is True, "true")
_SECCOMP: Rules = {
    "type": Only(lambda v: v in ("RuntimeDefault", "Localhost"), "RuntimeDefault or Localhost"),
    "localhostProfile": ANY,
}
_REFERENCE: Rules = {"name": ANY, "key": ANY, "optional": ANY}
_METADATA: Rules = {"name": ANY, "generateName": ANY, "labels": ANY, "annotations": ANY, "creationTimestamp": ANY}
_ENV: Rules = {
    "name": ANY,
    "value": ANY,
    "valueFrom": {"fieldRef": ANY, "resourceFieldRef": ANY, "configMapKeyRef": _REFERENCE},
}
_CONTAINER: Rules = {
    "name": ANY,
    "image": ANY,
    "imagePullPolicy": ANY,
    "command": ANY,
    "args": ANY,
    "workingDir": ANY,
    "env": _ENV,
    "envFrom": {"prefix": ANY, "configMapRef": _REFERENCE},
    "ports": {"name": ANY, "containerPort": ANY, "protocol": ANY},
    "resources": ANY,
    "volumeMounts": {"name": ANY, "mountPath": ANY, "subPath": ANY, "readOnly": ANY},
    "terminationMessagePath": Only(lambda v: v == "/dev/termination-log", "/dev/termination-log"),
    "terminationMessagePolicy": ANY,
    "securityContext": {
        "runAsUser": _NOT_ROOT,
        "runAsGroup": _NOT_ROOT,
        "runAsNonRoot": _TRUE,
        "readOnlyRootFilesystem": ANY,
        "allowPrivilegeEscalation": _FALSE,
        "privileged": _FALSE,
        "capabilities": {
            "drop": ANY,
            "add": Only(lambda v: v in ([], ["NET_BIND_SERVICE"]), "nothing but NET_BIND_SERVICE"),
        },
        "seccompProfile": _SECCOMP,
    },
}
_POD: Rules = {
    "containers": _CONTAINER,
    "initContainers": _CONTAINER,
    "volumes": {"name": ANY, "emptyDir": ANY, "configMap": ANY, "downwardAPI": ANY},
    "restartPolicy": Only(lambda v: v == "Never", "Never"),
    "terminationGracePeriodSeconds": ANY,
    "activeDeadlineSeconds": ANY,
    "imagePullSecrets": {"name": ANY},
    "automountServiceAccountToken": _FALSE,
    "enableServiceLinks": ANY,
    "nodeSelector": ANY,
    "affinity": ANY,
    "tolerations": ANY,
    "topologySpreadConstraints": ANY,
    "runtimeClassName": ANY,
    "schedulerName": ANY,
    "dnsPolicy": ANY,
    "dnsConfig": ANY,
    "hostNetwork": _FALSE,
    "hostPID": _FALSE,
    "hostIPC": _FALSE,
    "securityContext": {
        "runAsUser": _NOT_ROOT,
        "runAsGroup": _NOT_ROOT,
        "runAsNonRoot": _TRUE,
        "fsGroup": _NOT_ROOT,
        "fsGroupChangePolicy": ANY,
        "seccompProfile": _SECCOMP,
    },
}
JOB: Rules = {
    "apiVersion": ANY,
    "kind": ANY,
    "metadata": _METADATA,
    "spec": {
        "activeDeadlineSeconds": ANY,
        "backoffLimit": Only(lambda v: v == 0, "0"),
        "completions": Only(lambda v: v == 1, "1"),
        "parallelism": Only(lambda v: v == 1, "1"),
        "suspend": ANY,
        "ttlSecondsAfterFinished": ANY,
        "template": {"metadata": _METADATA, "spec": _POD},
    },
}
"""Fields by name, lists as their items."""


def check_job(job: Mapping[str, Any], allowed: Iterable[str] = ()) -> None:
    """Refuse a Job that reaches beyond its pod.

    Args:
        job: The merged template.
        allowed: Names of fields that are let through, with all in them.

    Raises:
        CannotStartError: With the field, and the option that would allow it.
    """
    _check(job, JOB, frozenset(allowed), "")


def check_service_account(name: str | None, own: str | None, allowed: Iterable[str] = ()) -> None:
    """Refuse a service account other than the agent's: it is whom the cluster takes the run for.

    Raises:
        CannotStartError: With the option that would allow it.
    """
    if name is not None and name != own and "serviceAccountName" not in set(allowed):
        raise CannotStartError(f"its service account is {name!r}, and this agent allows {_own(own)} only; {_option('serviceAccountName')}")


def _check(value: Any, rules: Any, allowed: frozenset[str], path: str) -> None:
    if value is None or rules is ANY:
        return
    if isinstance(rules, Only):
        if not rules.fits(value):
            raise CannotStartError(f"its Job has {path} {_shown(value)}, and this agent allows {rules.wanted}; {_option(_name(path))}")
        return
    if isinstance(value, list):
        for item in value:
            _check(item, rules, allowed, path)
        return
    if not isinstance(value, Mapping):
        raise CannotStartError(f"its Job has {path} {_shown(value)}, which is no object")
    for name, inner in value.items():
        here = f"{path}.{name}".lstrip(".")
        if name in allowed or _name(here) in allowed:
            continue
        if name not in rules:
            raise CannotStartError(f"its Job has {here}, which this agent does not allow; {_option(_name(here))}")
        _check(inner, rules[name], allowed, here)


def _name(path: str) -> str:
    """What `--allow` calls a field: its own name, and for capabilities, whose fields' names say nothing, theirs too."""
    *before, last = path.split(".")
    return f"{before[-1]}.{last}" if before and before[-1] == "capabilities" else last


def _option(name: str) -> str:
    return f"it was not started with --allow {name}"


def _own(own: str | None) -> str:
    return repr(own) if own else "the namespace's default one"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
