"""`towpath agent <kind> start`: run an agent of an installed kind until it is told to stop. `install`: print what keeps one running."""

from __future__ import annotations

import logging
import signal
import socket
import threading
from typing import TYPE_CHECKING, Any

import click

from towpath.cli.app import AGENTS, LazyGroup

if TYPE_CHECKING:
    from towpath.agent.settings import AgentSettings

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
    group.add_command(
        click.Command(
            "install",
            params=[*_OPTIONS, *kind.command_options(), *kind.install_options()],
            callback=lambda **options: _install(kind, options),
            short_help="Print what keeps such an agent running.",
            help=f"""Print what keeps such an agent running on its machine or in its cluster, for the place that its first lines name.

            It takes the options of `start`, and the API's address and trusted keys from the environment. Nothing is installed, and no API
            is asked; the API key is not in it.

            \b
            Examples:
              towpath agent {name} install
              towpath agent {name} install --name blue --label gpu
            """,
        )
    )
    return group


def _settings(options: dict[str, Any]) -> AgentSettings:
    from towpath.agent.settings import AgentSettings

    host = socket.gethostname()
    labels = [*options["labels"], *([host] if options["hostname_label"] else [])]
    return AgentSettings(name=options["name"] or host, labels=tuple(dict.fromkeys(labels)), address=options["agent_address"])


def _install(kind: Any, options: dict[str, Any]) -> None:
    from towpath.agent.installation import Installation, arguments
    from towpath.client.settings import Settings

    settings = _settings(options)
    # a host's name is another one inside a container
    fixed = options | {"name": settings.name, "labels": settings.labels, "hostname_label": False}
    line = arguments([*_OPTIONS, *kind.command_options()], fixed)
    click.echo(kind.installation(Installation(settings, Settings.from_env(), options, line)), nl=False)


def _start(kind: Any, options: dict[str, Any]) -> None:
    from towpath.client.settings import Settings

    logging.basicConfig(level=options["log_level"].upper(), format="%(asctime)s %(levelname)-7s %(name)s | %(message)s", datefmt="%H:%M:%S")
    agent = kind.from_command(_settings(options), Settings.from_env(), options)
    stop_on_signals(agent)
    agent.run()


def stop_on_signals(agent: Any) -> None:
    """Have SIGINT and SIGTERM stop the agent, however many come and whatever they interrupt."""
    for number in (signal.SIGINT, signal.SIGTERM):
        # not in the handler: it may have interrupted the main thread, or a handler before it, inside a lock that `stop` takes
        signal.signal(number, lambda *_: threading.Thread(target=agent.stop, name="towpath-agent-stop", daemon=True).start())


@click.group(cls=_AgentGroup, table=AGENTS, plugins="towpath.agents")
def agent() -> None:
    """Start an agent, which runs flows, or print what keeps one running.

    \b
    Examples:
      towpath agent local start
      towpath agent docker install
    """
