"""`towpath limit`: how many task runs of a tag, and flow runs of a label, may run at the same time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from towpath.cli.output import json_option, print_json, print_table

F = TypeVar("F", bound=Callable[..., Any])


@click.group()
def limit() -> None:
    """Set how many task runs of a tag, or flow runs of a label, may run at the same time."""


def _named(command: F) -> F:
    command = click.option("--label", help="A label of flow runs.")(command)
    return click.option("--tag", help="A tag of tasks.")(command)


def _one(tag: str | None, label: str | None) -> tuple[str, str]:
    if tag is not None and label is None:
        return "tag", tag
    if label is not None and tag is None:
        return "label", label
    raise click.UsageError("Say what the limit is on: either --tag TAG or --label LABEL.")


@limit.command("set")
@click.argument("number", type=click.IntRange(min=0))
@_named
@json_option
def set_limit(number: int, tag: str | None, label: str | None, as_json: bool) -> None:
    """Let NUMBER run at the same time; 0 lets none begin. What runs already goes on, and is counted.

    \b
    Examples:
      towpath limit set 5 --tag database
      towpath limit set 1 --label gpu
    """
    from towpath.cli.connection import open_client

    kind, name = _one(tag, label)
    with open_client() as client:
        update = client.update_task_tag_limit if kind == "tag" else client.update_flow_concurrency_limit
        limit_id = update(name, number)
    if as_json:
        print_json({"id": limit_id, "kind": kind, "name": name, "limit": number})
    else:
        click.echo(f"{number} {'task' if kind == 'tag' else 'flow'} runs with the {kind} {name} may run at the same time.")


@limit.command("list")
@json_option
def list_limits(as_json: bool) -> None:
    """List all limits, and how many run and wait under each.

    \b
    Example:
      towpath limit list
    """
    from towpath.cli.connection import open_client

    with open_client() as client:
        rows = client.get_limits()
    if as_json:
        print_json(rows)
        return
    columns: dict[str, Callable[[Any], Any]] = {
        "KIND": lambda r: r["kind"],
        "NAME": lambda r: r["name"],
        "LIMIT": lambda r: r["limit"],
        "RUNNING": lambda r: r["running"],
        "WAITING": lambda r: r["waiting"],
    }
    print_table(rows, columns, nothing="There are no limits. Set one with `towpath limit set NUMBER --tag TAG`.")


@limit.command("delete")
@_named
@json_option
def delete_limit(tag: str | None, label: str | None, as_json: bool) -> None:
    """Lift a limit; whoever waits for it goes on.

    \b
    Example:
      towpath limit delete --tag database
    """
    from towpath.cli.connection import open_client
    from towpath_proto.errors import Code, TowpathError

    kind, name = _one(tag, label)
    with open_client() as client:
        found = next((row["id"] for row in client.get_limits() if (row["kind"], row["name"]) == (kind, name)), None)
        if found is None:
            raise TowpathError(Code.NOT_FOUND, f"There is no limit on the {kind} {name!r}. See `towpath limit list`.")
        (client.delete_task_tag_limit if kind == "tag" else client.delete_flow_concurrency_limit)(found)
    if as_json:
        print_json({"id": found, "kind": kind, "name": name, "deleted": True})
    else:
        click.echo(f"The limit on the {kind} {name} is lifted.")
