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

SECTIONS: Mapping[str, Mapping[str, Entry]] = {
    "Begin": {
        "server": Entry("Start and look after a server on this machine.", "", "pip install 'towpath[server]'"),
        "agent": Entry("Start an agent, which runs flows.", f"{_HERE}.agent:agent"),
        "register": Entry("Register the flows of scripts, folders or modules; again on each save.", f"{_HERE}.register:register"),
    },
    "Run": {
        "run": Entry("Run a flow, and watch it; or run a script here, without a server.", f"{_HERE}.run:run"),
        "watch": Entry("Watch a run until it has ended.", f"{_HERE}.runs:watch"),
        "logs": Entry("Show the log of a run, and follow it.", f"{_HERE}.runs:logs"),
        "cancel": Entry("Stop runs.", f"{_HERE}.runs:cancel"),
        "restart": Entry("Run again what failed in a run.", f"{_HERE}.runs:restart"),
    },
    "Look": {
        "get": Entry("List flows, runs, tasks, projects, agents, schedules or logs.", f"{_HERE}.get:get"),
        "describe": Entry("Show all about one flow, run, task run or agent.", f"{_HERE}.describe:describe"),
        "doctor": Entry("Check every hop from here to a running task, and say which is broken.", f"{_HERE}.doctor:doctor"),
    },
    "Keep in order": {
        "schedule": Entry("Set a flow's schedule on or off; show when it fires.", f"{_HERE}.schedule:schedule"),
        "secret": Entry("Keep passwords and keys for flows; values are never printed.", f"{_HERE}.secret:secret"),
        "kv": Entry("Look at and change small values that flows leave for each other.", f"{_HERE}.kv:kv"),
        "limit": Entry("Set how many task runs of a tag, or runs of a label, may run at once.", f"{_HERE}.limit:limit"),
        "hook": Entry("Tell a web service, Slack, PagerDuty or a telephone of states of flow runs.", f"{_HERE}.hook:hook"),
        "key": Entry("Make and revoke API keys.", f"{_HERE}.key:key"),
        "create": Entry("Create a project.", f"{_HERE}.create:create"),
        "archive": Entry("Take a flow out of use; its runs stay.", f"{_HERE}.remove:archive"),
        "delete": Entry("Delete a flow, a run, a project or an agent.", f"{_HERE}.remove:delete"),
    },
    "This machine": {
        "config": Entry("Show and change settings.", f"{_HERE}.config:config"),
        "keys": Entry("Show your signing key; trust the keys of others.", f"{_HERE}.keys:keys"),
        "completion": Entry("Print a script that completes commands in your shell.", f"{_HERE}.completion:completion"),
        "version": Entry("Show the version.", f"{_HERE}.version:version"),
    },
}
"""The commands by the part of a user's day in which they are needed, as the help shows them."""

COMMANDS: Mapping[str, Entry] = {name: entry for section in SECTIONS.values() for name, entry in section.items()}
"""All commands by name."""

PLUGIN_GROUP = "towpath.commands"

AGENTS: Mapping[str, Entry] = {
    "local": Entry("Runs flows as processes of this machine.", "", "pip install towpath-agent-local"),
    "docker": Entry("Runs flows as containers.", "", "pip install towpath-agent-docker"),
    "kubernetes": Entry("Runs flows as Kubernetes jobs.", "", "pip install towpath-agent-kubernetes"),
    "ecs": Entry("Runs flows as tasks of Amazon ECS.", "", "pip install towpath-agent-ecs"),
    "fargate": Entry("The same on Fargate only.", "", "pip install towpath-agent-ecs"),
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
        sections: The same commands by title, for the help; under one title when absent.
        **options: Click's own.
    """

    def __init__(
        self,
        *,
        table: Mapping[str, Entry],
        plugins: str | None = None,
        sections: Mapping[str, Mapping[str, Entry]] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self._table = table
        self._sections = sections or {"Commands": table}
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

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table, importing none."""
        longest = max(map(len, self._table))
        for title, entries in self._sections.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(longest), entry.help) for name, entry in entries.items()])


@click.group(
    cls=LazyGroup,
    table=COMMANDS,
    sections=SECTIONS,
    plugins=PLUGIN_GROUP,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
def towpath() -> None:
    """Towpath: register flows, run them, look after the runs.

    \b
    A first run:
      towpath server start                    # a backend on this machine; stays until Ctrl-C
      towpath register -p flow.py             # in a second terminal
      towpath agent local start               # runs flows as processes of this machine
      towpath run --name hello --watch

    The API is looked for at TOWPATH_API_URL (default http://127.0.0.1:4200); `towpath config` shows and changes settings,
    `towpath doctor` finds what is broken. Exit status: 0 done, 1 failed, 2 wrong usage, a wrong setting or an API that cannot be
    reached, 130 Ctrl-C.
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
        print(f"towpath: {_sentence(e)}{more} ({Code.BAD_REQUEST})", file=sys.stderr)
        return 2
    except (click.Abort, KeyboardInterrupt):
        print("", file=sys.stderr)
        return 130
    except TowpathError as e:
        first, newline, rest = _explained(e).partition("\n")
        print(f"towpath: {first} ({e.code}){newline}{rest}", file=sys.stderr)
        return 2 if e.code in (Code.UNREACHABLE, Code.UNAVAILABLE, Code.BAD_SETTING, Code.MISSING_EXTRA) else 1
    except BrokenPipeError:  # the reader of our output has seen enough, as `| head` does
        import os

        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return status if isinstance(status, int) else 0


def _sentence(error: click.ClickException) -> str:
    """What is wrong with the usage, and which command or option may be meant."""
    text = " ".join(error.format_message().split()).rstrip(".")
    context = getattr(error, "ctx", None)
    if isinstance(context, click.Context) and isinstance(context.command, click.Group) and text.startswith("No such command '"):
        import re
        from difflib import get_close_matches

        known = context.command.list_commands(context)
        near = get_close_matches(text.split("'")[1], known, n=1)
        text = re.split(r"\.? \(?Did you mean", text)[0]  # newer versions of click guess, too
        return f"{text}. Did you mean {near[0]!r}?" if near else f"{text}; there are {', '.join(known)}."
    return text if text.endswith("?") else f"{text}."


def _explained(error: TowpathError) -> str:
    """The error's sentence; for an API that is not there also where its address comes from."""
    if error.code != Code.UNREACHABLE or "why" not in error.detail:
        return error.message
    import os

    from towpath.client.settings import source_of

    source = source_of("TOWPATH_API_URL", os.environ)
    origin = {"default": "the default address", "environment": "from TOWPATH_API_URL"}.get(source, f"from {source}")
    return (
        f"Cannot reach the Towpath API at {error.detail['api_url']} ({error.detail['why']}; {origin}). Start a server with "
        "`towpath server start`, or set TOWPATH_API_URL, or `towpath config set api_url`, to the address of one that runs."
    )
