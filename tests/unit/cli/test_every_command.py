"""What holds for every command: help that teaches, JSON, exit statuses, one sentence when the API is away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import click
import pytest

from towpath.cli.app import AGENTS, COMMANDS
from towpath.cli.app import towpath as root
from towpath.client.testing import FakeApi

OFFLINE = {"completion", "version", "keys show", "keys trust", "keys list"} | {
    f"config{sub}" for sub in ("", " list", " get", " set", " unset")
}
"""Commands that ask no API."""
OTHERS = {"doctor", "register", "server"}
"""Commands that have tests of their own for an API that is away: doctor fails with 1, register loads flows first."""
SILENT = {"completion"}
"""Commands whose output is for a shell."""
WORDS: dict[str, list[str]] = {
    "run": ["hello"],
    "get tasks": ["--flow", "hello"],
    "describe task-run": ["brisk-heron/load-1"],
    "keys trust": ["A" * 43 + "="],
    "config get": ["api_url"],
    "config set": ["patience", "3"],
    "config unset": ["patience"],
    "completion": ["bash"],
    "limit set": ["3", "--tag", "db"],
    "hook create": ["webhook", "--state", "Failed", "--url", "https://example.org/"],
    "limit delete": ["--label", "gpu"],
}
"""Arguments that make a command complete; otherwise each of its arguments is `x`."""


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """All commands of ours, groups included when they do something by themselves."""
    context = click.Context(group)
    for name in group.list_commands(context):
        if (not path and not COMMANDS[name].home) or name in ("agent",):
            continue  # plugins, and agents, which run until they are stopped
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
            if command.invoke_without_command:
                yield " ".join((*path, name)), command
        else:
            yield " ".join((*path, name)), command


ALL = dict(commands(root))  # type: ignore[arg-type]


def words_of(name: str) -> list[str]:
    """The command line of a command, complete."""
    if name in WORDS:
        return [*name.split(), *WORDS[name]]
    arguments = [p for p in ALL[name].params if isinstance(p, click.Argument)]
    yes = ["--yes"] if any("--yes" in p.opts for p in ALL[name].params) else []
    return [*name.split(), *("x" for _ in arguments), *yes]


def test_all_commands_are_here():
    """The commands of the help are those that the tests below go through."""
    assert {name.split()[0] for name in ALL} == set(COMMANDS) - {"server", "agent"}
    assert len(ALL) > 35


@pytest.mark.parametrize("name", ALL)
def test_help_teaches(towpath: Any, name: str):
    """--help works without an API, says in a sentence what the command does, and shows an example of it."""
    status, out, err = towpath(*name.split(), "--help")
    assert (status, err) == (0, "")
    assert "Example" in out
    assert f"towpath {name.split()[0]}" in out.partition("Example")[2]
    assert ALL[name].get_short_help_str(200).strip()


@pytest.mark.parametrize("name", sorted(set(ALL) - SILENT))
def test_data_come_as_json(name: str):
    """Every command that prints anything has --json."""
    assert any("--json" in parameter.opts for parameter in ALL[name].params)


@pytest.mark.parametrize("name", sorted(set(ALL) - OFFLINE - OTHERS))
def test_without_an_api(api: FakeApi, towpath: Any, name: str):
    """Status 2, nothing on standard output, and one sentence: the address, where it comes from, how to start a server."""
    api.stop()
    status, out, err = towpath(*words_of(name))
    assert (status, out, err.count("\n")) == (2, "", 1), err
    for words in (api.url, "from TOWPATH_API_URL", "towpath server start", "(UNREACHABLE)"):
        assert words in err


@pytest.mark.parametrize("name", sorted(OFFLINE))
def test_offline_commands_need_no_api(api: FakeApi, towpath: Any, name: str):
    """Status 0 with the API away; what --json prints is JSON."""
    api.stop()
    assert towpath(*words_of(name))[0] == 0
    if name not in SILENT:
        status, out, _ = towpath(*words_of(name), "--json")
        assert status == 0
        json.loads(out)


@pytest.mark.parametrize("name", ALL)
def test_a_wrong_option_is_wrong_usage(towpath: Any, name: str):
    """Status 2 and one sentence that names the option and the help."""
    status, out, err = towpath(*name.split(), "--no-such-option")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "--no-such-option" in err
    assert f"towpath {name} --help (BAD_REQUEST)" in err


@pytest.mark.parametrize("name", sorted(set(ALL) - OFFLINE - OTHERS))
def test_a_refusal_is_status_1(api: FakeApi, towpath: Any, name: str):
    """What the API refuses, whatever is asked first, is one sentence with the API's code on standard error."""

    def refuse(body: Any) -> Any:
        return {"errors": [{"message": "Your role may not do this.", "extensions": {"code": "FORBIDDEN"}}]}

    api.answer = refuse  # type: ignore[method-assign]
    status, out, err = towpath(*words_of(name))
    assert (status, out) == (1, "")
    assert err == "towpath: Your role may not do this. (FORBIDDEN)\n"


def test_the_kinds_of_agent_are_listed(towpath: Any):
    """`towpath agent` lists them without any of them being installed."""
    status, out, _ = towpath("agent", "--help")
    assert status == 0
    assert all(kind in out for kind in AGENTS)
