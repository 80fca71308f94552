"""`towpath kv`: small values that flows leave for each other."""

from __future__ import annotations

import json
from typing import Any

import click

from towpath.cli.options import confirm, yes_option
from towpath.cli.output import ago, json_option, print_json, print_table


@click.group()
def kv() -> None:
    """Look at and change key-value pairs: small JSON values that flows leave for each other. Not for secrets."""


@kv.command("set")
@click.argument("key")
@click.argument("value")
@json_option
def set_value(key: str, value: str, as_json: bool) -> None:
    """Keep VALUE under KEY, or change it. VALUE is JSON, else a text; 10 KB at most.

    \b
    Examples:
      towpath kv set last-seen 2026-01-31
      towpath kv set limits '{"rows": 1000}'
    """
    from towpath.cli.connection import open_client

    with open_client() as client:
        kept = client.set_key_value(key, read_value(value))
    if as_json:
        print_json({"id": kept, "key": key})
    else:
        click.echo(f"{key} is set.")


def read_value(text: str) -> Any:
    """JSON, else the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


@kv.command("get")
@click.argument("key")
@json_option
def get_value(key: str, as_json: bool) -> None:
    """Print the value under KEY: a text as it is, anything else as JSON.

    \b
    Examples:
      towpath kv get last-seen
      towpath kv get limits --json
    """
    from towpath.cli.connection import open_client

    with open_client() as client:
        value = client.get_key_value(key)
    if as_json:
        print_json({"key": key, "value": value})
    else:
        click.echo(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


@kv.command("list")
@json_option
def list_keys(as_json: bool) -> None:
    """List all keys.

    \b
    Example:
      towpath kv list
    """
    from towpath.cli.connection import open_client

    with open_client() as client:
        rows = client.get_keys()
    if as_json:
        print_json(rows)
        return
    columns = {"KEY": lambda r: r["key"], "CHANGED": lambda r: ago(r["updated"])}
    print_table(rows, columns, nothing="There are no keys. Set one with `towpath kv set KEY VALUE`.")


@kv.command("delete")
@click.argument("key")
@yes_option
@json_option
def delete_value(key: str, yes: bool, as_json: bool) -> None:
    """Delete the value under KEY.

    \b
    Example:
      towpath kv delete last-seen --yes
    """
    from towpath.cli.connection import open_client

    confirm(f"Delete the value under {key!r}?", yes)
    with open_client() as client:
        client.delete_key_value(key)
    if as_json:
        print_json({"key": key, "deleted": True})
    else:
        click.echo(f"{key} is deleted.")
