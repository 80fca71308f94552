"""`towpath hook`: who is told when flow runs enter a state. What a hook is sent with is asked for, and never printed."""

from __future__ import annotations

import sys
from typing import Any

import click

from towpath.cli.options import confirm, project_option, yes_option
from towpath.cli.output import json_option, print_json, print_table

_TYPES = {"webhook": "WEBHOOK", "slack": "SLACK_WEBHOOK", "pagerduty": "PAGERDUTY", "twilio": "TWILIO", "inbox": "PREFECT_MESSAGE"}
_SECRETS = {
    "slack": ("url", "URL of the Slack webhook"),
    "pagerduty": ("routing_key", "Routing key"),
    "twilio": ("auth_token", "Auth token"),
}
_NEEDED = {"webhook": ("url",), "pagerduty": ("severity",), "twilio": ("account_sid", "messaging_service_sid", "to")}


@click.group()
def hook() -> None:
    """Tell a web service, Slack, PagerDuty, a telephone or the inbox when flow runs enter a state."""


@hook.command("create")
@click.argument("kind", type=click.Choice(list(_TYPES)))
@click.option("--state", "states", multiple=True, required=True, help="A kind of state, such as Failed or TimedOut; can be repeated.")
@click.option("--flow", help="Only runs of this flow; all flows by default.")
@project_option
@click.option("--name", help="A name for people.")
@click.option("--url", help="webhook: where to.")
@click.option(
    "--severity",
    type=click.Choice(["info", "warning", "error", "critical"]),
    default=None,
    help="pagerduty: how bad it is; error by default.",
)
@click.option("--account-sid", help="twilio: the account.")
@click.option("--messaging-service-sid", help="twilio: the messaging service.")
@click.option("--to", multiple=True, metavar="NUMBER", help="twilio: whom to; can be repeated.")
@json_option
def create_hook(
    kind: str, states: tuple[str, ...], flow: str | None, project: str | None, name: str | None, as_json: bool, **given: Any
) -> None:
    """Make a hook. A hook like one that is there is that one.

    The URL of a Slack webhook, PagerDuty's routing key and Twilio's auth token are secrets: they are asked for, or read from standard
    input. What a webhook is sent is signed (Standard Webhooks) with a secret that is printed once.

    \b
    Examples:
      towpath hook create webhook --state Failed --state TimedOut --url https://example.org/towpath
      towpath hook create slack --state Failed --flow etl < slack.url
      towpath hook create pagerduty --state Failed --severity critical
    """
    from towpath.cli.connection import open_client

    config = _config(kind, given)
    with open_client() as client:
        group = None
        if flow is not None:
            from towpath.cli.finding import the_flow

            group = the_flow(client, flow, project)["version_group_id"]
        made = client.create_hook(_TYPES[kind], states=states, config=config, name=name, version_group_id=group)
    if as_json:
        print_json({"id": made["id"], "type": _TYPES[kind], "name": name, "secret": made["secret"]})
        return
    click.echo(f"Hook {made['id']} tells of {', '.join(states)}.")
    if made["secret"]:
        click.echo(f"Its events are signed with {made['secret']}")
    click.echo(f"Try it: towpath hook test {made['id']}", err=True)


def _config(kind: str, given: dict[str, Any]) -> dict[str, Any]:
    """The hook's config: options, and its secret from where nobody sees it.

    Raises:
        click.UsageError: An option that this kind needs is missing, or one that it does not have is given.
    """
    needed = _NEEDED.get(kind, ())
    if kind == "pagerduty":
        given["severity"] = given["severity"] or "error"
    said = {option: list(value) if isinstance(value, tuple) else value for option, value in given.items() if value}
    for option in needed:
        if option not in said:
            raise click.UsageError(f"A {kind} hook needs --{option.replace('_', '-')}.")
    for option in said:
        if option not in needed:
            why = "; its URL is a secret, which is asked for" if (kind, option) == ("slack", "url") else ""
            raise click.UsageError(f"A {kind} hook has no --{option.replace('_', '-')}{why}.")
    if kind in _SECRETS:
        option, label = _SECRETS[kind]
        asked = sys.stdin.isatty()
        said[option] = (click.prompt(label, hide_input=True, err=True) if asked else sys.stdin.read()).strip()
        if not said[option]:
            raise click.UsageError(f"A {kind} hook needs the {label}; write it to standard input.")
    return said


@hook.command("list")
@json_option
def list_hooks(as_json: bool) -> None:
    """List the hooks, and what became of their last event.

    \b
    Example:
      towpath hook list
    """
    from towpath.cli.connection import open_client

    with open_client() as client:
        rows = client.get_hooks()
    if as_json:
        print_json(rows)
        return
    columns = {
        "ID": lambda r: r["id"],
        "NAME": lambda r: r["name"] or "",
        "TYPE": lambda r: r["type"],
        "STATES": lambda r: ", ".join(r["states"]),
        "ACTIVE": lambda r: "yes" if r["active"] else "no",
        "LAST": lambda r: r["last_status"] or "never",
        "ERROR": lambda r: r["last_error"] or "",
    }
    print_table(rows, columns, nothing="There are no hooks. Make one with `towpath hook create`.")


@hook.command("test")
@click.argument("name", metavar="HOOK")
@click.option("--run", "flow_run", metavar="RUN", help="Tell of this flow run instead of an example.")
@json_option
def test_hook(name: str, flow_run: str | None, as_json: bool) -> None:
    """Send a hook, given by name, by id or by the beginning of the id, one event at once, marked as a test.

    Exit status: 0 when it was told, 1 when it was not.

    \b
    Example:
      towpath hook test 0191a6c2-7d1e
    """
    from towpath.cli.connection import open_client
    from towpath.cli.finding import the_flow_run, the_hook

    with open_client() as client:
        found = the_hook(client, name)
        run = the_flow_run(client, flow_run)["id"] if flow_run is not None else None
        error = client.try_hook(found["id"], flow_run_id=run)
    if as_json:
        print_json({"id": found["id"], "told": error is None, "error": error})
    elif error is None:
        click.echo(f"Hook {found['id']} was told.")
    else:
        click.echo(f"towpath: {error}", err=True)
    raise click.exceptions.Exit(0 if error is None else 1)


@hook.command("delete")
@click.argument("name", metavar="HOOK")
@yes_option
@json_option
def delete_hook(name: str, yes: bool, as_json: bool) -> None:
    """Delete a hook, given by name, by id or by the beginning of the id, with what it has not been told yet.

    \b
    Example:
      towpath hook delete 0191a6c2-7d1e --yes
    """
    from towpath.cli.connection import open_client
    from towpath.cli.finding import the_hook

    with open_client() as client:
        found = the_hook(client, name)
        confirm(f"Delete the {found['type']} hook {found['name'] or found['id']}?", yes)
        client.delete_hook(found["id"])
    if as_json:
        print_json({"id": found["id"], "name": found["name"], "deleted": True})
    else:
        click.echo(f"Hook {found['id']} is deleted.")
