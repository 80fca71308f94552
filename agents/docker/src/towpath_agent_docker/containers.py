"""The container of a run, as values: its name, labels, environment and settings. No engine is spoken to here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from towpath.agent.claims import ClaimedRun
from towpath.agent.images import wanted_image
from towpath.agent.inside import environment, stop_timeout
from towpath_agent_docker.settings import DockerSettings

LABEL = "io.towpath."
AGENT = f"{LABEL}agent"
HOST = "host.docker.internal"
"""The name by which a container reaches the machine of its engine."""
LONGEST_NAME = 60


@dataclass(frozen=True, slots=True)
class Plan:
    """A container to be made.

    Attributes:
        image: Its image.
        name: Its name, if nobody has that.
        env: Its environment.
        labels: Its labels.
        host_config: Arguments of docker-py's `create_host_config`.
        ports: Ports that are published.
        volumes: Places in it at which something is mounted.
        networks: The networks that it is connected to; the first one from the start.
        stop_timeout: Seconds between SIGTERM and SIGKILL when somebody stops it.
    """

    image: str
    name: str
    env: Mapping[str, str] = field(repr=False)
    labels: Mapping[str, str]
    host_config: Mapping[str, Any]
    ports: tuple[int, ...] = ()
    volumes: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    stop_timeout: int = 10


def plan(run: ClaimedRun, settings: DockerSettings, *, api_url: str, trusted_keys: str, mark: str) -> Plan:
    """The container of a run.

    Args:
        run: The claimed run.
        settings: The agent's settings.
        api_url: The API's address as the agent sees it.
        trusted_keys: Public keys whose flows may run.
        mark: The agent's `scope`.
    """
    config = run.run_config
    shares_host = "host" in settings.networks
    inside_url = api_url if shares_host else seen_from_inside(api_url)
    host_config: dict[str, Any] = dict(config.get("host_config") or {})
    if not shares_host:
        host_config["extra_hosts"] = {HOST: "host-gateway", **_hosts(host_config.get("extra_hosts"))}
    binds = [*settings.volumes, *(host_config.get("binds") or ())]
    if binds:
        host_config["binds"] = binds
    ports = tuple(config.get("ports") or ())
    if ports:
        host_config["port_bindings"] = {**{port: port for port in ports}, **(host_config.get("port_bindings") or {})}
    if settings.networks:
        host_config["network_mode"] = settings.networks[0]
    env = environment(run, api_url=inside_url, trusted_keys=trusted_keys, env=settings.env)
    return Plan(
        image=wanted_image(run) or settings.image,
        name=container_name(run.name),
        env=env,
        labels={AGENT: mark, **run.marks(LABEL)},
        host_config=host_config,
        ports=ports,
        volumes=tuple(parts[1] for bind in settings.volumes if len(parts := bind.split(":")) > 1),
        networks=settings.networks,
        stop_timeout=stop_timeout(env),
    )


def seen_from_inside(url: str) -> str:
    """The API's address as a container sees it: its own loopback is not this machine's."""
    parts = urlsplit(url)
    if parts.hostname not in ("localhost", "127.0.0.1", "::1", "0.0.0.0"):
        return url
    port = f":{parts.port}" if parts.port else ""
    return parts._replace(netloc=f"{HOST}{port}").geturl()


def container_name(name: str) -> str:
    """A run's name as the engine takes it: letters, digits, `_`, `.`, `-`, and a letter or digit in front."""
    clean = re.sub(r"[^a-z0-9_.-]+", "-", name.lower()).strip("-._")[:LONGEST_NAME]
    return clean or "flow-run"


def _hosts(given: Any) -> dict[str, str]:
    if isinstance(given, list):
        return dict(text.split(":", 1) for text in given if ":" in text)
    return dict(given or {})
