"""`towpath get`: lists of what the API knows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from towpath.cli.connection import open_client
from towpath.cli.output import Row, ago, json_option, lasted, print_json, print_table

_limit = click.option("--limit", default=20, show_default=True, type=click.IntRange(min=1), help="At most this many.")


@click.group()
def get() -> None:
    """List flows, runs, projects, agents, tasks or logs. Every list has --json.

    \b
    Examples:
      towpath get flows
      towpath get flow-runs --state Failed --limit 5
      towpath get agents --json
    """


def _show(rows: list[Any], as_json: bool, columns: dict[str, Callable[[Row], Any]], nothing: str) -> None:
    if as_json:
        print_json(rows)
    else:
        print_table(rows, columns, nothing=nothing)


def _project(row: Row) -> str:
    return str((row.get("project") or {}).get("name") or "")


@get.command()
@click.option("--name", help="Only flows of this name.")
@click.option("--project", help="Only flows of this project.")
@click.option("--all-versions", is_flag=True, help="Old versions too.")
@_limit
@json_option
def flows(name: str | None, project: str | None, all_versions: bool, limit: int, as_json: bool) -> None:
    """List registered flows.

    \b
    Example:
      towpath get flows --project weather
    """
    with open_client() as client:
        rows = client.get_flows(name=name, project_name=project, archived=None if all_versions else False, limit=limit)
    _show(
        rows,
        as_json,
        {
            "NAME": lambda r: r["name"],
            "VERSION": lambda r: r["version"],
            "PROJECT": _project,
            "SCHEDULE": lambda r: "active" if r["is_schedule_active"] else "",
            "REGISTERED": lambda r: ago(r["created"]),
            "ID": lambda r: r["id"],
        },
        "There is no such flow. Register one with: towpath register -p flow.py",
    )


@get.command("flow-runs")
@click.option("--flow", "flow", help="Only runs of flows of this name.")
@click.option("--project", help="Only runs of this project.")
@click.option("--state", multiple=True, help="Only runs in this state. Repeatable.")
@_limit
@json_option
def flow_runs(flow: str | None, project: str | None, state: tuple[str, ...], limit: int, as_json: bool) -> None:
    """List flow runs, the newest first.

    \b
    Example:
      towpath get flow-runs --flow hello --state Failed --state Cancelled
    """
    with open_client() as client:
        rows = client.get_flow_runs(flow_name=flow, project_name=project, state=state, limit=limit)
    _show(
        rows,
        as_json,
        {
            "NAME": lambda r: r["name"],
            "FLOW": lambda r: r["flow"]["name"],
            "STATE": lambda r: r["state"],
            "DUE": lambda r: ago(r["scheduled_start_time"]),
            "LASTED": lambda r: lasted(r["start_time"], r["end_time"]),
            "LABELS": lambda r: r["labels"],
            "ID": lambda r: r["id"],
        },
        "There is no such run. Start one with: towpath run --name FLOW",
    )


@get.command()
@json_option
def projects(as_json: bool) -> None:
    """List projects.

    \b
    Example:
      towpath get projects
    """
    with open_client() as client:
        rows = client.get_projects()
    _show(
        rows,
        as_json,
        {
            "NAME": lambda r: r["name"],
            "DESCRIPTION": lambda r: r["description"],
            "CREATED": lambda r: ago(r["created"]),
            "ID": lambda r: r["id"],
        },
        "There is no project. Create one with: towpath create project NAME",
    )


@get.command()
@json_option
def agents(as_json: bool) -> None:
    """List agents and whether they are alive.

    \b
    Example:
      towpath get agents
    """
    from towpath.cli.service import is_alive

    with open_client() as client:
        rows = client.get_agents()
    _show(
        rows,
        as_json,
        {
            "NAME": lambda r: r["name"],
            "KIND": lambda r: r["type"],
            "ALIVE": lambda r: "yes" if is_alive(r) else "no",
            "LAST ASKED": lambda r: ago(r["last_queried"]),
            "LABELS": lambda r: r["labels"],
            "ID": lambda r: r["id"],
        },
        "There is no agent. Start one with: towpath agent local start",
    )


@get.command()
@click.option("--flow", "flow", help="The flow's name.")
@click.option("--flow-id", help="Or its id.")
@click.option("--project", help="The flow's project.")
@json_option
def tasks(flow: str | None, flow_id: str | None, project: str | None, as_json: bool) -> None:
    """List the tasks of a flow.

    \b
    Example:
      towpath get tasks --flow hello
    """
    if (flow is None) == (flow_id is None):
        raise click.UsageError("Say which flow: --flow NAME or --flow-id ID.")
    with open_client() as client:
        chosen = flow_id if flow_id is not None else str(client.find_flow(flow or "", project_name=project)["id"])
        rows = client.get_tasks(chosen)
    _show(
        rows,
        as_json,
        {
            "SLUG": lambda r: r["slug"],
            "NAME": lambda r: r["name"],
            "MAPPED": lambda r: "yes" if r["mapped"] else "",
            "RETRIES": lambda r: r["max_retries"] or "",
            "TAGS": lambda r: r["tags"],
            "ID": lambda r: r["id"],
        },
        "This flow has no task.",
    )


@get.command()
@click.argument("flow_run_id")
@click.option("--level", multiple=True, help="Only lines of this level. Repeatable.")
@click.option("--limit", default=10_000, show_default=True, type=click.IntRange(min=1), help="At most this many.")
@json_option
def logs(flow_run_id: str, level: tuple[str, ...], limit: int, as_json: bool) -> None:
    """Show the log of a flow run. `towpath logs --follow` goes on as lines come.

    \b
    Example:
      towpath get logs 0191a6c2-… --level ERROR
    """
    from towpath.cli.watch import log_line

    with open_client() as client:
        rows = client.get_logs(flow_run_id, level=[one.upper() for one in level], limit=limit)
        if not rows:
            client.get_flow_run(flow_run_id)  # a run that is not there is an error, one without lines is none
    if as_json:
        print_json(rows)
        return
    for row in rows:
        click.echo(log_line(row))
    if not rows:
        click.echo("There is no line yet.", err=True)
