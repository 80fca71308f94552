"""Run configs as JSON: what each kind may say. The SDK checks what it builds with it, and the service what clients send.

The kinds and their fields are Prefect 1's. Kinds that are not in the table are let through: an agent of somebody's own may know them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from towpath_proto.errors import Code, TowpathError

Check = Callable[[Any], bool]
Field = tuple[str, Check]


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(v, str) for v in value)


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _matches(pattern: str) -> Check:
    fits = re.compile(pattern).fullmatch
    return lambda value: isinstance(value, str) and fits(value) is not None


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def _port(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 65535


# A quantity as the Kubernetes API documents it: a decimal number with an SI or binary suffix, or an exponent.
_quantity = _matches(r"\d+(\.\d*)?([KMGTPE]i|[numkMGTPE]|[eE][+-]?\d+)?")
_with_unit = _matches(r"(?i)\d+(\.\d+)?\s*(vcpu|gb|mb)?")  # as Amazon ECS documents task sizes
_text: Field = ("a text that is not empty", _matches(r"(?s).+"))
_object: Field = ("a JSON object", _is_object)
_amount: Field = ('a number, or a quantity such as "500m" or "2Gi"', lambda v: _number(v) or _quantity(v))
_units: Field = ('a number of units, or a text such as "1024", "2 vcpu" or "4 GB"', lambda v: _number(v) or _with_unit(v))

_EVERY: dict[str, Field] = {
    "labels": ("a list of texts", _texts),
    "env": ("an object that maps names to texts", lambda v: _is_object(v) and all(isinstance(x, str | None) for x in v.values())),
}
FIELDS: Mapping[str, Mapping[str, Field]] = {
    "UniversalRun": {},
    "LocalRun": {"working_dir": _text},
    "DockerRun": {
        "image": _text,
        "ports": ("a list of ports between 1 and 65535", lambda v: isinstance(v, list) and all(map(_port, v))),
        "host_config": _object,
    },
    "KubernetesRun": {
        "job_template_path": _text,
        "job_template": _object,
        "image": _text,
        "cpu_limit": _amount,
        "cpu_request": _amount,
        "memory_limit": _amount,
        "memory_request": _amount,
        "service_account_name": ("a DNS name", _matches(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")),
        "image_pull_secrets": ("a list of names of secrets", _texts),
        "image_pull_policy": ('"Always", "IfNotPresent" or "Never"', lambda v: v in ("Always", "IfNotPresent", "Never")),
    },
    "ECSRun": {
        "task_definition": _object,
        "task_definition_path": _text,
        "task_definition_arn": _text,
        "image": _text,
        "cpu": _units,
        "memory": _units,
        "task_role_arn": _text,
        "execution_role_arn": _text,
        "run_task_kwargs": _object,
    },
}
"""By kind: each field of its own, what it must be, and the test for that. Null is always "not given"."""

_ONE_OF: Mapping[str, tuple[str, ...]] = {
    "KubernetesRun": ("job_template", "job_template_path"),
    "ECSRun": ("task_definition", "task_definition_path", "task_definition_arn"),
}
_OWN = frozenset({"type", "__version__"})


def check(run_config: Any) -> None:
    """Refuse a run config that no agent could follow.

    Args:
        run_config: Its JSON; None for none.

    Raises:
        TowpathError: `BAD_RUN_CONFIG`.
    """
    if run_config is None:
        return
    if not isinstance(run_config, dict) or not isinstance(run_config.get("type", ""), str):
        raise TowpathError(Code.BAD_RUN_CONFIG, 'run_config must be a JSON object such as {"type": "UniversalRun"}.')
    kind = run_config.get("type", "")
    own = FIELDS.get(kind)
    given = {name: value for name, value in run_config.items() if value is not None and name not in _OWN}
    for name, value in given.items():
        wanted, fits = _EVERY.get(name) or (own or {}).get(name) or ("", None)
        if fits is None and own is not None:
            known = ", ".join(sorted({**_EVERY, **own}))
            raise TowpathError(Code.BAD_RUN_CONFIG, f"{kind} has no {name!r}; it has {known}.", field=name)
        if fits is not None and not fits(value):
            message = f"{name} of {kind or 'the run config'} must be {wanted}, not {_shown(value)}."
            raise TowpathError(Code.BAD_RUN_CONFIG, message, field=name)
    if len(several := [name for name in _ONE_OF.get(kind, ()) if name in given]) > 1:
        raise TowpathError(Code.BAD_RUN_CONFIG, f"{kind} takes one of {' and '.join(several)}, not both.", field=several[1])
    if kind == "ECSRun" and {"image", "task_definition_arn"} <= given.keys():
        message = "An ECSRun with a task_definition_arn takes no image: the definition in AWS names it. Leave one of them out."
        raise TowpathError(Code.BAD_RUN_CONFIG, message, field="image")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:97]}..."
