"""The options of `towpath agent docker start` that only this kind has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from towpath.agent.options import ALLOW_REGISTRY, ENV, IMAGE, max_runs
from towpath.agent.settings import variables
from towpath_agent_docker.settings import ENGINE_TIMEOUT, MAX_RUNS, DockerSettings
from towpath_proto.errors import Code, TowpathError

OPTIONS = (
    click.Option(["--base-url", "-b"], metavar="URL", help="The engine's address. Default: DOCKER_HOST, else this machine's socket."),
    IMAGE,
    click.Option(["--pull"], type=click.Choice(["missing", "always", "never"]), default="missing", show_default=True, help="Pull images."),
    click.Option(["--no-pull"], is_flag=True, help="The same as --pull never."),
    ALLOW_REGISTRY,
    ENV,
    click.Option(["--volume"], multiple=True, metavar="HOST:PATH[:ro]", help="Mount this into every run. Repeatable."),
    click.Option(["--network"], multiple=True, metavar="NAME", help="Connect every run to this network. Repeatable."),
    click.Option(["--allow-host-config"], multiple=True, metavar="KEY", help="Let run configs set this key of host_config. Repeatable."),
    max_runs(MAX_RUNS),
    click.Option(["--show-flow-logs", "-f"], is_flag=True, help="Print what runs print."),
    click.Option(["--keep"], is_flag=True, help="Leave containers there when they have ended."),
    click.Option(
        ["--docker-client-timeout"],
        type=click.IntRange(min=1),
        default=ENGINE_TIMEOUT,
        show_default=True,
        help="Seconds that the engine has for an answer.",
    ),
)


def read(options: Mapping[str, Any]) -> DockerSettings:
    """The settings that the values of `OPTIONS` mean.

    Raises:
        TowpathError: `BAD_SETTING` for an --env that is not KEY=VALUE, or a --volume without a place in the container.
    """
    for text in options["volume"]:
        if ":" not in text.lstrip("/"):
            raise TowpathError(Code.BAD_SETTING, f"--volume {text!r} has no place in the container; write it like --volume /data:/data:ro.")
    return DockerSettings(
        base_url=options["base_url"],
        image=options["image"],
        pull="never" if options["no_pull"] else options["pull"],
        allowed_registries=tuple(options["allow_registry"]),
        env=variables(options["env"]),
        volumes=tuple(options["volume"]),
        networks=tuple(options["network"]),
        allowed_host_config=frozenset(options["allow_host_config"]),
        max_runs=options["max_runs"],
        show_flow_logs=options["show_flow_logs"],
        keep=options["keep"],
        timeout=options["docker_client_timeout"],
    )
