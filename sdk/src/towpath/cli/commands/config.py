"""`towpath config`: every setting with its value and where it comes from, and changes to `config.toml`; secrets are masked."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

import click

from towpath.cli.output import json_option, print_json, print_table
from towpath.client import settings_file
from towpath.client.settings import SETTINGS, Setting, Settings
from towpath_proto.errors import Code, TowpathError

_SECRET_WORDS = ("KEY", "TOKEN", "SECRET", "PASSWORD", "DATABASE_URL")


@click.group(invoke_without_command=True)
@json_option
@click.pass_context
def config(ctx: click.Context, as_json: bool) -> None:
    """Show and change settings. Secrets are masked.

    A setting comes from the environment, else from $TOWPATH_HOME/config.toml, else from its default.

    \b
    Examples:
      towpath config
      towpath config get api_url
      towpath config set api_url https://towpath.example.org
      TOWPATH_API_URL=https://towpath.example.org towpath config --json
    """
    if ctx.invoked_subcommand is None:
        _list(as_json)


@config.command("list")
@json_option
def list_settings(as_json: bool) -> None:
    """List every setting, its value, and where it comes from.

    \b
    Example:
      towpath config list
    """
    _list(as_json)


def _list(as_json: bool) -> None:
    rows = collect(os.environ, _all_settings())
    if as_json:
        print_json(rows)
        return
    columns = {name.upper(): (lambda row, name=name: row[name]) for name in ("name", "value", "source", "meaning")}
    print_table(rows, columns, nothing="There are no settings.")


@config.command("get")
@click.argument("key")
@json_option
def get_setting(key: str, as_json: bool) -> None:
    """Print the value of one setting; a secret is masked.

    \b
    Examples:
      towpath config get api_url
      towpath config get TOWPATH_HOME --json
    """
    wanted = key.upper() if key.upper().startswith("TOWPATH_") else f"TOWPATH_{key.upper().replace('-', '_')}"
    rows = collect(os.environ, _all_settings())
    row = next((row for row in rows if row["name"] == wanted), None)
    if row is None:
        from difflib import get_close_matches

        near = get_close_matches(wanted, [row["name"] for row in rows], n=1)
        said = f" Did you mean {near[0]}?" if near else ""
        raise TowpathError(Code.BAD_SETTING, f"There is no setting {key!r}.{said} `towpath config` lists them.")
    if as_json:
        print_json(row)
    else:
        click.echo(row["value"])


@config.command("set")
@click.argument("key")
@click.argument("value")
@json_option
def set_setting(key: str, value: str, as_json: bool) -> None:
    """Write a setting into $TOWPATH_HOME/config.toml. A variable of the same name in the environment still wins.

    \b
    Keys: api_url, api_key, trusted_keys, request_timeout, patience
    Examples:
      towpath config set api_url https://towpath.example.org
      towpath config set patience 60
    """
    name = settings_file.variable(key)
    _check(name, value)
    _change(name, value, as_json)


@config.command("unset")
@click.argument("key")
@json_option
def unset_setting(key: str, as_json: bool) -> None:
    """Take a setting out of $TOWPATH_HOME/config.toml.

    \b
    Example:
      towpath config unset api_url
    """
    _change(settings_file.variable(key), None, as_json)


def _check(name: str, value: str) -> None:
    if not value:
        raise TowpathError(Code.BAD_SETTING, f"An empty value is none; to take {name} out: towpath config unset {name}")
    Settings.from_env({name: value})
    if name == "TOWPATH_TRUSTED_KEYS":
        from towpath.client.keys import parse_public_key

        for text in value.replace(",", " ").split():
            parse_public_key(text)


def _change(name: str, value: str | None, as_json: bool) -> None:
    path = settings_file.location(os.environ)
    settings_file.write(path, name, value)
    row = next(row for row in collect(os.environ, SETTINGS) if row["name"] == name)
    if as_json:
        print_json({**row, "file": str(path)})
        return
    shown = _masked(value) if value and name in {s.name for s in SETTINGS if s.secret} else value
    click.echo(f"{path} now says that {name} is {shown!r}." if value is not None else f"{path} no longer says anything about {name}.")
    if row["source"] == "environment":
        click.echo(f"The environment still says {row['value']!r}, and wins; unset {name} there.", err=True)


def collect(env: Mapping[str, str], settings: Iterable[Setting]) -> list[dict[str, Any]]:
    """One row a setting, those that only the environment knows last."""
    path = settings_file.location(env)
    written = settings_file.read(path)
    rows = []
    known = set()
    for setting in settings:
        known.add(setting.name)
        found = env.get(setting.name)
        source = "environment" if found is not None else "default"
        if not found and setting.name in written:
            found, source = written[setting.name], str(path)
        shown = setting.default if found is None else _masked(found) if setting.secret else found
        rows.append({"name": setting.name, "value": shown, "source": source, "meaning": setting.meaning})
    for name in sorted(env):
        if name.startswith("TOWPATH_") and name not in known:
            value = _masked(env[name]) if any(word in name for word in _SECRET_WORDS) else env[name]
            rows.append({"name": name, "value": value, "source": "environment", "meaning": "(not a setting of what is installed here)"})
    return rows


def _masked(value: str) -> str:
    return f"{value[:4]}…" if len(value) > 12 else "…" if value else ""


def _all_settings() -> list[Setting]:
    """Our own, and those that installed packages declare in the entry point group `towpath.settings`."""
    from importlib.metadata import entry_points

    found = {s.name: s for s in SETTINGS}
    for point in entry_points(group="towpath.settings"):
        for item in point.load():
            # a table of objects with these fields, or of tuples in this order
            parts = (item.name, item.default, item.meaning, item.secret) if hasattr(item, "name") else tuple(item)
            found.setdefault(parts[0], Setting(*parts))
    return list(found.values())
