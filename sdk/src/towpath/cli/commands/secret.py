"""`towpath secret`: passwords and keys for flows. A value is never an argument and never printed."""

from __future__ import annotations

import sys

import click

from towpath.cli.options import confirm, yes_option
from towpath.cli.output import json_option, print_json, print_table


@click.group()
def secret() -> None:
    """Keep passwords and keys for flows: encrypted by the API, read by runs, never printed here."""


@secret.command("set")
@click.argument("name")
@json_option
def set_secret(name: str, as_json: bool) -> None:
    """Keep a secret under NAME, or change it. Its value is asked for, or read from standard input, without the newline at its end.

    A value that is JSON is read as such by the flow, so an object can be one secret.

    \b
    Examples:
      towpath secret set DATABASE_PASSWORD
      towpath secret set SERVICE_ACCOUNT < account.json
    """
    from towpath.cli.connection import open_client

    value = _value(name)
    with open_client() as client:
        client.set_secret(name, value)
    if as_json:
        print_json({"name": name, "set": True})
    else:
        click.echo(f"Secret {name} is set.")


def _value(name: str) -> str:
    if sys.stdin.isatty():
        value: str = click.prompt(f"Value of {name}", hide_input=True, confirmation_prompt=True, err=True)
    else:
        value = sys.stdin.read()
        value = value.removesuffix("\n").removesuffix("\r")
    if not value:
        raise click.UsageError("An empty secret is none; `towpath secret delete` deletes one.")
    return value


@secret.command("list")
@json_option
def list_secrets(as_json: bool) -> None:
    """List the names of all secrets.

    \b
    Example:
      towpath secret list
    """
    from towpath.cli.connection import open_client

    with open_client() as client:
        names = client.get_secret_names()
    if as_json:
        print_json(names)
        return
    rows = [{"name": name} for name in names]
    print_table(rows, {"NAME": lambda r: r["name"]}, nothing="There are no secrets. Set one with `towpath secret set NAME`.")


@secret.command("delete")
@click.argument("name")
@yes_option
@json_option
def delete_secret(name: str, yes: bool, as_json: bool) -> None:
    """Delete a secret; it cannot be had back.

    \b
    Example:
      towpath secret delete DATABASE_PASSWORD --yes
    """
    from towpath.cli.connection import open_client

    confirm(f"Delete the secret {name!r}?", yes)
    with open_client() as client:
        client.delete_secret(name)
    if as_json:
        print_json({"name": name, "deleted": True})
    else:
        click.echo(f"Secret {name} is deleted.")
