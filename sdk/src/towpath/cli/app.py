"""The command tree: names, one-line helps and where the code is. A command's code, and any plugin, is imported when it is called.

Errors end here: a `TowpathError` becomes one sentence with its code on standard error, and the exit status.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

from towpath_proto.errors import Code, TowpathError


@dataclass(frozen=True, slots=True)
class Entry:
    """One command.

    Attributes:
        help: Its line in the list of commands.
        home: `module:attribute` of the command; empty for one that a plugin brings.
        missing: What to install when the plugin is not there.
    """

    help: str
    home: str
    missing: str = ""


_HERE = "towpath.cli.commands"

COMMANDS: Mapping[str, Entry] = {
    "register": Entry("Register flows of a script or module.", f"{_HERE}.register:register"),
    "run": Entry("Run a registered flow, and watch it.", f"{_HERE}.run:run"),
    "get": Entry("List flows, runs, projects, agents, tasks or logs.", f"{_HERE}.get:get"),
    "create": Entry("Create a project.", f"{_HERE}.create:create"),
    "cancel": Entry("Stop a flow run.", f"{_HERE}.runs:cancel"),
    "restart": Entry("Run again what failed in a flow run.", f"{_HERE}.runs:restart"),
    "logs": Entry("Show the log of a flow run, and follow it.", f"{_HERE}.runs:logs"),
    "agent": Entry("Start an agent, which runs flows.", f"{_HERE}.agent:agent"),
    "server": Entry("Start and look after a server on this machine.", "", "pip install 'towpath[server]'"),
    "config": Entry("Show every setting, its value and where it comes from.", f"{_HERE}.config:config"),
    "keys": Entry("Show your signing key; trust the keys of others.", f"{_HERE}.keys:keys"),
    "version": Entry("Show the version.", f"{_HERE}.version:version"),
}
"""The commands, in the order in which the help shows them."""

PLUGIN_GROUP = "towpath.commands"

AGENTS: Mapping[str, Entry] = {
    "local": Entry("Runs flows as processes of this machine.", "", "pip install towpath-agent-local"),
    "docker": Entry("Runs flows as containers.", "", "pip install towpath-agent-docker"),
    "kubernetes": Entry("Runs flows as Kubernetes jobs.", "", "pip install towpath-agent-kubernetes"),
    "ecs": Entry("Runs flows as tasks of Amazon ECS.", "", "pip install towpath-agent-ecs"),
}
"""The kinds of agent that we know of; others come by the entry point group `towpath.agents`."""


def load_plugin(group: str, name: str, entry: Entry | None) -> Any:
    """What the entry point `name` of `group` names; None when nobody knows the name.

    Raises:
        TowpathError: `MISSING_EXTRA` when we know it and it is not installed.
    """
    from importlib.metadata import entry_points

    found = entry_points(group=group, name=name)
    for point in found:
        try:
            return point.load()
        except ModuleNotFoundError as e:
            how = f" Install it with: {entry.missing}" if entry else ""
            raise TowpathError(Code.MISSING_EXTRA, f"`{name}` needs the module {e.name!r}, which is not installed.{how}") from e
    if entry is None:
        return None
    raise TowpathError(Code.MISSING_EXTRA, f"`{name}` is not installed. Install it with: {entry.missing}")


class LazyGroup(click.Group):
    """A group that knows its commands by a table and imports one when it is called.

    Args:
        table: The commands.
        plugins: Entry point group for commands without a home.
        **options: Click's own.
    """

    def __init__(self, *, table: Mapping[str, Entry], plugins: str | None = None, **options: Any) -> None:
        super().__init__(**options)
        self._table = table
        self._plugins = plugins

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, as in the table."""
        return [*self._table, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        entry = self._table.get(cmd_name)
        if entry is not None and entry.home:
            module, _, attribute = entry.home.partition(":")
            command: click.Command = getattr(importlib.import_module(module), attribute)
            return command
        if self._plugins is not None and not cmd_name.startswith("-"):
            return self.from_plugin(cmd_name, load_plugin(self._plugins, cmd_name, entry))
        return super().get_command(ctx, cmd_name)

    def from_plugin(self, name: str, found: Any) -> click.Command | None:
        """The command that a plugin means; a plugin of this group is a command already."""
        return found if isinstance(found, click.Command) else None

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; for an unknown name say which one may be meant."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as e:
            from difflib import get_close_matches

            near = get_close_matches(args[0], self.list_commands(ctx), n=1) if args else []
            if near and "No such command" in str(e.message):
                raise click.UsageError(f"{e.message.rstrip('.')}. Did you mean {near[0]!r}?", ctx) from None
            raise

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table, importing none."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in self._table.items()])


@click.group(
    cls=LazyGroup,
    table=COMMANDS,
    plugins=PLUGIN_GROUP,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Begin with: towpath server start, towpath register -p flow.py, towpath agent local start, towpath run --name hello --watch",
)
def towpath() -> None:
    """Towpath: register flows, run them, look after the runs.

    The API is found at TOWPATH_API_URL (default http://127.0.0.1:4200); `towpath config` shows all settings.
    """


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    try:
        status = towpath.main(args=None if arguments is None else list(arguments), prog_name="towpath", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as e:
        e.show()
        return 2
    except click.ClickException as e:
        context = getattr(e, "ctx", None)
        more = f" See: {context.command_path} --help" if context is not None else ""
        print(f"towpath: {e.format_message().rstrip('.')}.{more} ({Code.BAD_REQUEST})".replace("?.", "?"), file=sys.stderr)
        return 2
    except (click.Abort, KeyboardInterrupt):
        print("", file=sys.stderr)
        return 130
    except TowpathError as e:
        print(f"towpath: {e.message} ({e.code})", file=sys.stderr)
        return 2 if e.code in (Code.UNREACHABLE, Code.UNAVAILABLE, Code.BAD_SETTING, Code.MISSING_EXTRA) else 1
    except BrokenPipeError:  # the reader of our output has seen enough, as `| head` does
        import os

        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return status if isinstance(status, int) else 0
