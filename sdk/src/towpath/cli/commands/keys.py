"""`towpath keys`: this user's signing key, and the keys that this machine trusts."""

from __future__ import annotations

import click

from towpath.cli.output import json_option, print_json, print_table


@click.group()
def keys() -> None:
    """Show your signing key; trust the keys of others.

    Flows are signed when they are registered and verified before they run. An agent runs a flow only when a key that it trusts has signed
    it: keys in TOWPATH_TRUSTED_KEYS, keys pinned by `towpath keys trust`, and, while the API is on loopback, your own.
    """


@keys.command()
@json_option
def show(as_json: bool) -> None:
    """Show the public half of your signing key; makes the key when there is none.

    \b
    Examples:
      towpath keys show
      towpath keys show --json
    """
    from towpath.client.keys import SigningKey
    from towpath.client.settings import Settings

    key = SigningKey.load_or_create(Settings.from_env().home)
    if as_json:
        print_json({"key_id": key.key_id, "public_key": key.text, "name": key.name})
        return
    click.echo(f"key id      {key.key_id}\npublic key  {key.text}\nname        {key.name}")
    click.echo(f"\nOn a machine that shall run your flows: towpath keys trust {key.text} --name {key.name}", err=True)


@keys.command()
@click.argument("public_key")
@click.option("--name", default="", help="Whose key it is, for people.")
@json_option
def trust(public_key: str, name: str, as_json: bool) -> None:
    """Let flows signed by this key run on this machine.

    PUBLIC_KEY is what `towpath keys show` prints on its owner's machine. Compare it with its owner: who can sign can run code here.

    \b
    Example:
      towpath keys trust mPkYq0fT…= --name ada
    """
    from towpath.client.keys import parse_public_key, pin
    from towpath.client.settings import Settings

    key = pin(Settings.from_env().home, parse_public_key(public_key), name=name)
    if as_json:
        print_json({"key_id": key.key_id, "public_key": key.text, "name": key.name, "source": key.source})
    else:
        click.echo(f"Key {key.key_id} is trusted from now on (in {key.source}).")


@keys.command("list")
@json_option
def list_keys(as_json: bool) -> None:
    """List the keys that this machine trusts, and why.

    \b
    Example:
      towpath keys list
    """
    from towpath.client.keys import TrustStore
    from towpath.client.settings import Settings

    trusted = [
        {"key_id": k.key_id, "public_key": k.text, "name": k.name, "source": k.source}
        for k in TrustStore.load(Settings.from_env()).keys.values()
    ]
    if as_json:
        print_json(trusted)
        return
    columns = {name.upper(): (lambda row, name=name: row[name]) for name in ("key_id", "name", "source", "public_key")}
    print_table(
        trusted, columns, nothing="No key is trusted here. Your own is made at the first `towpath register` or `towpath keys show`."
    )
