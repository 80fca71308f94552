"""Which image a run wants, and from which registries an agent takes images."""

from __future__ import annotations

from collections.abc import Iterable

from towpath.agent.base import CannotStartError
from towpath.agent.claims import ClaimedRun

DEFAULT_IMAGE = "towpath:latest"
"""The image of runs for which nothing names one."""


def wanted_image(run: ClaimedRun) -> str | None:
    """The image of a run's storage if its code is in one, else that of its run config; None when neither names one."""
    storage = run.storage
    if storage.get("type") == "Docker" and storage.get("image_name"):
        registry = f"{storage['registry_url']}/" if storage.get("registry_url") else ""
        return f"{registry}{storage['image_name']}:{storage.get('image_tag') or 'latest'}"
    return run.run_config.get("image") or None


def check_image(image: str, registries: Iterable[str]) -> None:
    """Refuse an image of a registry that is not on the list, if there is a list.

    Raises:
        CannotStartError: With the registry.
    """
    wanted = tuple(registries)
    registry = registry_of(image)
    if wanted and registry not in wanted:
        raise CannotStartError(f"its image {image!r} is of registry {registry}, and this agent takes images of {', '.join(wanted)} only")


def registry_of(image: str) -> str:
    """The registry of an image's name: its first part if that looks like a host (distribution's reference grammar), else docker.io."""
    first, slash, _ = image.partition("/")
    return first if slash and ("." in first or ":" in first or first == "localhost") else "docker.io"
