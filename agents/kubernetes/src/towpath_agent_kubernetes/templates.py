"""Templates of Jobs: read, and laid one over another. Values only, but for the files that they are read from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from towpath.agent import merging
from towpath.agent.base import CannotStartError

SCHEME = "agent://"
_FREE = ("labels", "annotations", "nodeSelector", "matchLabels")
"""Objects whose keys are the user's."""
_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "volumes": "name",
    "env": "name",
    "imagePullSecrets": "name",
    "volumeMounts": "mountPath",
    "ports": "containerPort",
}
"""Lists whose items are things with a name: those of two templates are laid over each other by it. Other lists replace each other."""
_OBJECTS = frozenset({"metadata", "spec", "template", "securityContext", "capabilities", "resources", "requests", "limits", *_FREE})
"""Fields that are objects wherever they stand."""


def parse(text: str, what: str) -> dict[str, Any]:
    """A template that is YAML (JSON is too).

    Args:
        text: The template.
        what: What it is, for the reason: "the file x.yaml".

    Raises:
        CannotStartError: It holds no Job.
    """
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as e:
        raise CannotStartError(f"{what} is no YAML: {' '.join(str(e).split())}") from e
    return checked(found, what)


def checked(template: Any, what: str) -> dict[str, Any]:
    """The template, if it is one of a Job.

    Raises:
        CannotStartError: It is something else.
    """
    if not isinstance(template, dict):
        raise CannotStartError(f"{what} must hold a Job, not {type(template).__name__}")
    kind, version = template.get("kind", "Job"), template.get("apiVersion", "batch/v1")
    if (kind, version) != ("Job", "batch/v1"):
        raise CannotStartError(f"{what} must hold a Job of batch/v1, not {kind!s} of {version!s}")
    _check_shape(template, what)
    return template


def of_run(run_config: Mapping[str, Any], folder: Path | None) -> dict[str, Any]:
    """The template that a run config brings, or names as a file of the agent's; empty for none.

    Raises:
        CannotStartError: It cannot be had, or is none.
    """
    if (path := run_config.get("job_template_path")) is not None:
        return parse(_file(str(path), folder), f"its job_template_path {path!r}")
    template = run_config.get("job_template")
    return {} if template is None else checked(template, "its job_template")


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Two templates as one: what `above` says wins. A variable has either a value or a source, never both."""
    return merging.merge(below, above, keys=_KEYS, whole=("valueFrom",))


def _file(path: str, folder: Path | None) -> str:
    if not path.startswith(SCHEME):
        # with the agent's own credentials whoever may create runs could read what they may not
        raise CannotStartError(
            f"its job_template_path {path!r} is not read by agents: give KubernetesRun a file of the machine that registers, "
            f"which is read there, or {SCHEME}FILE for a file of the agent's --template-folder"
        )
    if folder is None:
        raise CannotStartError(f"its job_template_path is {path!r}, and this agent was not started with --template-folder")
    root = folder.resolve()
    file = (root / path.removeprefix(SCHEME).lstrip("/")).resolve()
    if not file.is_relative_to(root):
        raise CannotStartError(f"its job_template_path {path!r} leads out of the agent's --template-folder")
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as e:
        raise CannotStartError(f"its job_template_path {path!r} cannot be read: {getattr(e, 'strerror', None) or e}") from e


def _check_shape(value: Any, what: str, name: str = "") -> None:
    """Refuse what could neither be merged nor filled in: objects and named lists must be such, and names of fields texts."""
    if value is None:
        return
    if (name in _OBJECTS and not isinstance(value, Mapping)) or (name in _KEYS and not isinstance(value, list)):
        raise CannotStartError(f"{what} has {name!r} {value!r:.60}, which is no {'object' if name in _OBJECTS else 'list'}")
    if isinstance(value, Mapping):
        if name in _FREE:
            return
        for key, inner in value.items():
            if not isinstance(key, str):
                raise CannotStartError(f"{what} has the key {key!r}, which is no text")
            _check_shape(inner, what, key)
    elif isinstance(value, list):
        for item in value:
            if name in _KEYS and not isinstance(item, Mapping):
                raise CannotStartError(f"{what} has an item of {name!r} that is no object")
            _check_shape(item, what)
