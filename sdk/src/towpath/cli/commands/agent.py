"""`towpath agent <kind> start`: run an agent of an installed kind until it is told to stop."""

from __future__ import annotations

import logging
import signal
import socket
from typing import Any

import click

from towpath.cli.app import AGENTS, LazyGroup

_OPTIONS = (
    click.Option(["--name", "-n"], help="The agent's name; the host's name when absent."),
    click.Option(["--label", "-l", "labels"], multiple=True, help="Serve runs with this label. Repeatable."),
    click.Option(["--hostname-label"], is_flag=True, help="Serve runs labelled with this host's name, too."),
    click.Option(["--agent-address"], metavar="HOST:PORT", help="Serve a health page there, at /health."),
    click.Option(["--log-level"], default="INFO", show_default=True, help="Least level of the agent's own log lines."),
)


class _AgentGroup(LazyGroup):
    def from_plugin(self, name: str, found: Any) -> click.Command | None:
        return None if found is None else _kind_group(name, found)


def _kind_group(name: str, kind: Any) -> click.Group:
    group = click.Group(name, help=f"{AGENTS[name].help if name in AGENTS else kind.__doc__ or ''}")
    group.add_command(
        click.Command(
            "start",
            params=[*_OPTIONS, *kind.command_options()],
            callback=lambda **options: _start(kind, options),
            short_help="Run the agent until it is told to stop.",
            help=f"""Run the {name} agent until it is told to stop (Ctrl-C).

            It serves runs whose labels are all among its own; without labels, runs without labels. When it stops, the runs that it has
            started go on.

            \b
            Examples:
              towpath agent {name} start
              towpath agent {name} start --name blue --label gpu --label eu
            """,
        )
    )
    return group


def _start(kind: Any, options: dict[str, Any]) -> None:
    from towpath.agent.settings import AgentSettings
    from towpath.client.settings import Settings

    logging.basicConfig(level=options["log_level"].upper(), format="%(asctime)s %(levelname)-7s %(name)s | %(message)s", datefmt="%H:%M:%S")
    host = socket.gethostname()
    labels = [*options["labels"], *([host] if options["hostname_label"] else [])]
    settings = AgentSettings(name=options["name"] or host, labels=tuple(dict.fromkeys(labels)), address=options["agent_address"])
    agent = kind.from_command(settings, Settings.from_env(), options)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: agent.stop())
    agent.run()


@click.group(cls=_AgentGroup, table=AGENTS, plugins="towpath.agents")
def agent() -> None:
    """Start an agent, which runs flows.

    \b
    Example:
      towpath agent local start
    """
