"""A Compose file for a Docker agent: the agent as a container, and between it and the engine a proxy that passes few verbs."""

from __future__ import annotations

import json
from typing import Any

import click

from towpath.agent.installation import Installation
from towpath_agent_docker.containers import HOST, seen_from_inside

TAG = "latest"
SOCKET = "/var/run/docker.sock"
OPTIONS = (
    click.Option(["--tag"], default=TAG, show_default=True, help="Tag of the agent's and the proxy's image."),
    click.Option(["--socket"], default=SOCKET, show_default=True, metavar="PATH", help="The engine's socket on that machine."),
)


def service(wanted: Installation) -> str:
    """The file. What it holds is JSON in YAML's clothes where a user's own text comes in, so that no text can break out.

    Args:
        wanted: The agent.
    """
    tag, socket = wanted.options["tag"], wanted.options["socket"]
    command = ["towpath", "agent", "docker", "start", *_at_proxy(wanted)]
    return f"""\
# towpath-agent.yml: a Towpath agent that runs flows as containers, and a proxy that lets it do no more with the engine than that needs.
#
#   printf 'TOWPATH_API_KEY=%s\\n' twk_... > .env && chmod 600 .env    (a key of the API; empty where that wants none)
#   docker-compose -f towpath-agent.yml up -d
#
# The images: deploy/docker/build.sh. What the proxy passes: deploy/docker/engine-proxy.cfg.

x-contained: &contained
  restart: unless-stopped
  read_only: true
  tmpfs: [/tmp]
  cap_drop: [ALL]
  security_opt: ["no-new-privileges:true"]

services:
  engine:
    <<: *contained
    image: {_text(f"towpath-engine-proxy:{tag}")}
    volumes: [{_text(f"{socket}:{SOCKET}:ro")}]
    networks: [engine]

  agent:
    <<: *contained
    image: {_text(f"towpath-agent-docker:{tag}")}
    command: {_text(command)}
    environment:
      DOCKER_HOST: tcp://engine:2375
      TOWPATH_API_URL: {_text(seen_from_inside(wanted.client_settings.api_url))}
      TOWPATH_API_KEY: ${{TOWPATH_API_KEY?write it into .env}}
      TOWPATH_TRUSTED_KEYS: {_text(wanted.trusted_keys())}
    extra_hosts: [{_text(f"{HOST}:host-gateway")}]
    networks: [engine, default]
    depends_on: [engine]

networks:
  engine: {{internal: true}}
"""


def _at_proxy(wanted: Installation) -> list[str]:
    """The agent's arguments without the engine's address, which is the proxy's."""
    found = list(wanted.arguments)
    if "--base-url" in found:
        at = found.index("--base-url")
        del found[at : at + 2]
    return found


def _text(value: Any) -> str:
    """As JSON, which is YAML; `$` is not Compose's."""
    return json.dumps(value).replace("$", "$$")
