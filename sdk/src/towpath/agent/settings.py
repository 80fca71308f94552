"""What every agent can be told, and how its command line says it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from towpath_proto.errors import Code, TowpathError
from towpath_proto.timers import SWEEP


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """What every agent can be told.

    Attributes:
        name: Its name, for people.
        labels: It runs flow runs all of whose labels are among these; without labels, those without labels.
        address: `host:port` of its health page; None for none.
        sweep: Longest time between two claims, in seconds.
    """

    name: str
    labels: tuple[str, ...] = ()
    address: str | None = None
    sweep: float = SWEEP


def variables(pairs: Iterable[str]) -> dict[str, str]:
    """What `--env KEY=VALUE`, given any number of times, means.

    Raises:
        TowpathError: `BAD_SETTING` for one that is not KEY=VALUE.
    """
    env: dict[str, str] = {}
    for text in pairs:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise TowpathError(Code.BAD_SETTING, f"--env {text!r} has no value; write it like --env NAME=value.")
        env[name] = value
    return env
