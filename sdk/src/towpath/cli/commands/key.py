"""`towpath key`: API keys, with which people, agents and services use the API. A key is shown once, when it is made."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import click

from towpath.cli.options import confirm, length, yes_option
from towpath.cli.output import ago, json_option, print_json, print_table


class Future(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.2 only
    """A moment to come: ISO 8601, or in how long: `12h`, `30d`, `52w`."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Read it."""
        if isinstance(value, datetime):
            return value
        now = datetime.now(UTC)
        seconds = length(value)
        try:
            found = datetime.fromisoformat(value).astimezone(UTC) if seconds is None else now + timedelta(seconds=seconds)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is no time; write it like 12h, 30d, 52w or 2027-01-31", param, ctx)
        if found <= now:
            self.fail(f"{value!r} is over already", param, ctx)
        return found


@click.group()
def key() -> None:
    """Make and revoke API keys, with which people, agents and services use the API.

    For admins. The keys that sign flows are another matter: `towpath keys`.
    """


@key.command("create")
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice(["admin", "operator", "viewer", "agent"]),
    default="operator",
    show_default=True,
    help="What it may do.",
)
@click.option("--expires", type=Future(), metavar="TIME", help="Until when it is good (30d, 52w, or ISO 8601); for ever by default.")
@json_option
def create_key(name: str, role: str, expires: datetime | None, as_json: bool) -> None:
    """Make an API key named NAME and print it, this once: the API keeps a hash of it only.

    Standard output has the key alone, so it can go where it is needed without being seen.

    \b
    Examples:
      towpath key create ada
      towpath key create build-agents --role agent --expires 52w > api.key
    """
    from towpath.cli.connection import open_client

    with open_client() as client:
        made = client.create_api_key(name, role=role, expires_at=expires)
    if as_json:
        print_json({"id": made["id"], "name": name, "role": role, "expires_at": expires, "key": made["key"]})
        return
    click.echo(made["key"])
    click.echo(f"Keep it now: the key {name} ({role}) cannot be shown again. Whoever uses it sets TOWPATH_API_KEY to it.", err=True)


@key.command("list")
@json_option
def list_keys(as_json: bool) -> None:
    """List the API keys: names, roles, when they were used last; never the keys themselves.

    \b
    Example:
      towpath key list
    """
    from towpath.cli.connection import open_client

    with open_client() as client:
        rows = client.get_api_keys()
    if as_json:
        print_json(rows)
        return
    columns = {
        "ID": lambda r: r["id"],
        "NAME": lambda r: r["name"],
        "ROLE": lambda r: r["role"],
        "CREATED": lambda r: ago(r["created"]),
        "EXPIRES": lambda r: r["expires_at"] or "never",
        "LAST USED": lambda r: ago(r["last_used"]) if r["last_used"] else "never",
    }
    print_table(rows, columns, nothing="There are no API keys. Make one with `towpath key create NAME`.")


@key.command("revoke")
@click.argument("name")
@yes_option
@json_option
def revoke_key(name: str, yes: bool, as_json: bool) -> None:
    """Revoke an API key, given by name, by id or by the beginning of the id: whoever uses it is refused within seconds.

    \b
    Example:
      towpath key revoke build-agents --yes
    """
    from towpath.cli.connection import open_client
    from towpath.cli.finding import the_api_key

    with open_client() as client:
        found = the_api_key(client, name)
        confirm(f"Revoke the API key {found['name']!r} ({found['role']})?", yes)
        client.delete_api_key(found["id"])
    if as_json:
        print_json({"id": found["id"], "name": found["name"], "revoked": True})
    else:
        click.echo(f"The API key {found['name']} is revoked.")
