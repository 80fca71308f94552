"""What only the Docker agent can be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from towpath.agent.images import DEFAULT_IMAGE

MAX_RUNS = 50
ENGINE_TIMEOUT = 60


@dataclass(frozen=True, slots=True)
class DockerSettings:
    """What only the Docker agent can be told.

    Attributes:
        base_url: Address of the engine; by default `DOCKER_HOST`, else its socket on this machine.
        image: Image of runs whose run config names none.
        pull: `missing`, `always` or `never`.
        allowed_registries: Images must come from one of these registries; empty for any.
        env: Environment variables of the runs it starts; a run config's own win.
        volumes: What is mounted into every run, as `docker run --volume` takes it.
        networks: Networks that every run is connected to.
        allowed_host_config: Keys of a run config's host_config that are allowed beyond the harmless ones.
        max_runs: At most this many runs at once.
        show_flow_logs: Whether what runs print is printed by the agent too.
        keep: Whether containers stay when they have ended.
        timeout: Seconds that the engine has for an answer.
    """

    base_url: str | None = None
    image: str = DEFAULT_IMAGE
    pull: str = "missing"
    allowed_registries: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    volumes: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    allowed_host_config: frozenset[str] = frozenset()
    max_runs: int = MAX_RUNS
    show_flow_logs: bool = False
    keep: bool = False
    timeout: int = ENGINE_TIMEOUT
