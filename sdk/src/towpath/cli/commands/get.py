"""`towpath get`: lists of what the API knows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import click

from towpath.cli.connection import open_client
from towpath.cli.finding import the_flow, the_flow_run
from towpath.cli.options import level_option, levels_from, limit_option, project_option, since_option
from towpath.cli.output import Row, ago, clock_time, json_option, lasted, print_json, print_table


@click.group()
def get() -> None:
    """List flows, runs, tasks, projects, agents, schedules or logs. Every list has --json.

    \b
    Examples:
      towpath get flows
      towpath get flow-runs --state Failed --since 2d
      towpath get task-runs brisk-heron --state Failed
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
@project_option
@click.option("--all-versions", is_flag=True, help="Old versions too.")
@limit_option()
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


def _states(names: tuple[str, ...]) -> list[str]:
    """The kinds that are meant: a family such as Finished means all of its kinds."""
    from difflib import get_close_matches

    from towpath_proto.states import KINDS, is_a

    known = {kind.lower(): kind for kind in KINDS}
    chosen: list[str] = []
    for name in names:
        kind = known.get(name.lower())
        if kind is None:
            near = get_close_matches(name.capitalize(), KINDS, n=1)
            said = f" Did you mean {near[0]}?" if near else f" The states: {', '.join(KINDS)}."
            raise click.UsageError(f"There is no state {name!r}.{said}")
        chosen += [k for k in KINDS if is_a(k, kind)]
    return list(dict.fromkeys(chosen))


@get.command("flow-runs")
@click.option("--flow", help="Only runs of flows of this name.")
@click.option("--name", help="Only runs of this name.")
@project_option
@click.option("--state", multiple=True, help="Only runs in this state or one that specialises it (Failed, Running, Finished). Repeatable.")
@since_option("Only runs that were due since")
@click.option("--upcoming", is_flag=True, help="Also the runs that schedules have made ahead of their time.")
@limit_option()
@json_option
def flow_runs(
    flow: str | None,
    name: str | None,
    project: str | None,
    state: tuple[str, ...],
    since: datetime | None,
    upcoming: bool,
    limit: int,
    as_json: bool,
) -> None:
    """List flow runs, the one that is due last first. Runs that schedules have made ahead are left out; --upcoming shows
    them, and --state Scheduled.

    \b
    Examples:
      towpath get flow-runs --flow hello --state Failed --state Cancelled
      towpath get flow-runs --project weather --since 12h
    """
    where: dict[str, Any] = {}
    of_flow: dict[str, Any] = {}
    if flow is not None:
        of_flow["name"] = {"_eq": flow}
    if project is not None:
        of_flow["project"] = {"name": {"_eq": project}}
    if of_flow:
        where["flow"] = of_flow
    if name is not None:
        where["name"] = {"_eq": name}
    states = _states(state)
    if states:
        where["state"] = {"_in": states}
    if since is not None:
        where["scheduled_start_time"] = {"_gte": since.isoformat()}
    if not upcoming and "Scheduled" not in states:
        where["_not"] = {"auto_scheduled": {"_eq": True}, "scheduled_start_time": {"_gt": datetime.now(UTC).isoformat()}}
    with open_client() as client:
        rows = client.find_flow_runs(where, limit=limit)
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


@get.command("task-runs")
@click.argument("flow_run")
@click.option("--state", multiple=True, help="Only task runs in this state or one that specialises it. Repeatable.")
@click.option("--task", help="Only of the task of this name or slug.")
@limit_option(50)
@json_option
def task_runs(flow_run: str, state: tuple[str, ...], task: str | None, limit: int, as_json: bool) -> None:
    """List the task runs of a flow run, given by its name, its id or the beginning of its id.

    \b
    Example:
      towpath get task-runs brisk-heron --state Failed
    """
    where: dict[str, Any] = {}
    if state:
        where["state"] = {"_in": _states(state)}
    if task is not None:
        where["task"] = {"_or": [{"name": {"_eq": task}}, {"slug": {"_eq": task}}]}
    with open_client() as client:
        where["flow_run_id"] = {"_eq": the_flow_run(client, flow_run)["id"]}
        rows = client.find_task_runs(where, limit=limit)
    _show(
        rows,
        as_json,
        {
            "TASK": lambda r: f"{r['task']['slug']}[{r['map_index']}]" if r["map_index"] >= 0 else r["task"]["slug"],
            "STATE": lambda r: r["state"],
            "ATTEMPT": lambda r: r["attempt"],
            "LASTED": lambda r: lasted(r["start_time"], r["end_time"]),
            "MESSAGE": lambda r: (r["state_message"] or "")[:80],
            "ID": lambda r: r["id"],
        },
        "There is no such task run.",
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
@click.option("--flow", help="The flow: its name, id or the beginning of its id.")
@click.option("--flow-id", help="The same, by id.")
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
        rows = client.get_tasks(flow_id if flow_id is not None else str(the_flow(client, flow or "", project)["id"]))
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
@project_option
@limit_option(100)
@json_option
def schedules(project: str | None, limit: int, as_json: bool) -> None:
    """List the flows that have a schedule, and when each fires next.

    \b
    Example:
      towpath get schedules
    """
    from towpath.cli.commands.schedule import next_fires, summary

    with open_client() as client:
        rows = client.get_scheduled_flows(project_name=project, limit=limit)
    listed = [{**row, "next": next_fires(row, 1), "summary": summary(row)} for row in rows]
    _show(
        listed,
        as_json,
        {
            "FLOW": lambda r: r["name"],
            "PROJECT": _project,
            "ACTIVE": lambda r: "on" if r["is_schedule_active"] else "off",
            "SCHEDULE": lambda r: r["summary"],
            "NEXT": lambda r: clock_time(r["next"][0]) if r["next"] else "never",
        },
        "No flow has a schedule.",
    )


@get.command()
@click.argument("flow_run")
@level_option
@limit_option(10_000)
@json_option
def logs(flow_run: str, level: str | None, limit: int, as_json: bool) -> None:
    """Show the log of a flow run. `towpath logs --follow` goes on as lines come.

    \b
    Example:
      towpath get logs brisk-heron --level ERROR
    """
    from towpath.cli.commands.runs import print_logs

    with open_client() as client:
        run = the_flow_run(client, flow_run)
        rows = client.get_logs(run["id"], level=levels_from(level), limit=limit)
    print_logs(rows, as_json)
