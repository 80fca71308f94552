"""`towpath archive` and `towpath delete`: take flows out of use; delete flows, runs, projects and agents. Both ask first."""

from __future__ import annotations

import click

from towpath.cli.connection import open_client
from towpath.cli.finding import the_agent, the_flow, the_flow_run
from towpath.cli.options import confirm, yes_option
from towpath.cli.output import json_option, print_json
from towpath_proto.errors import Code, TowpathError

_project = click.option("--project", help="The flow's project, if several have one of this name.")


@click.group()
def archive() -> None:
    """Take a flow out of use; its runs stay.

    \b
    Example:
      towpath archive flow report
    """


@archive.command("flow")
@click.argument("flow")
@_project
@yes_option
@json_option
def archive_flow(flow: str, project: str | None, yes: bool, as_json: bool) -> None:
    """Take a flow out of use: its schedule ends, its waiting runs are cancelled, no new run is possible. Registering it again undoes it.

    \b
    Examples:
      towpath archive flow report
      towpath archive flow report --project weather --yes
    """
    with open_client() as client:
        row = the_flow(client, flow, project)
        confirm(f"Archive flow {row['name']}, version {row['version']}?", yes)
        client.archive_flow(row["id"])
    if as_json:
        print_json({"id": row["id"], "name": row["name"], "version": row["version"], "archived": True})
    else:
        click.echo(f"Flow {row['name']}, version {row['version']}, is archived. Its runs are still there.")


@click.group()
def delete() -> None:
    """Delete a flow, a run, a project or an agent, with all that belongs to it.

    \b
    Examples:
      towpath delete flow report
      towpath delete project weather --yes
    """


@delete.command("flow")
@click.argument("flow")
@_project
@yes_option
@json_option
def delete_flow(flow: str, project: str | None, yes: bool, as_json: bool) -> None:
    """Delete a flow: all its versions, runs and logs.

    \b
    Example:
      towpath delete flow report
    """
    with open_client() as client:
        row = the_flow(client, flow, project)
        versions = client.get_flow_versions(row["flow_group_id"])
        runs = sum(version["flow_runs_aggregate"]["aggregate"]["count"] for version in versions)
        confirm(f"Delete flow {row['name']} with {_count(len(versions), 'version')} and {_count(runs, 'run')}?", yes)
        for version in versions:
            client.delete_flow(version["id"])
    if as_json:
        print_json({"name": row["name"], "versions": len(versions), "runs": runs, "deleted": True})
    else:
        click.echo(f"Flow {row['name']} is deleted, with {_count(len(versions), 'version')} and {_count(runs, 'run')}.")


@delete.command("flow-run")
@click.argument("flow_run")
@yes_option
@json_option
def delete_flow_run(flow_run: str, yes: bool, as_json: bool) -> None:
    """Delete a flow run with its task runs and its log.

    \b
    Example:
      towpath delete flow-run brisk-heron
    """
    with open_client() as client:
        row = the_flow_run(client, flow_run)
        confirm(f"Delete flow run {row['name']} of {row['flow']['name']} ({row['state']})?", yes)
        client.delete_flow_run(row["id"])
    if as_json:
        print_json({"id": row["id"], "name": row["name"], "deleted": True})
    else:
        click.echo(f"Flow run {row['name']} ({row['id']}) is deleted.")


@delete.command("project")
@click.argument("name")
@yes_option
@json_option
def delete_project(name: str, yes: bool, as_json: bool) -> None:
    """Delete a project with all its flows and their runs.

    \b
    Example:
      towpath delete project weather
    """
    with open_client() as client:
        projects = client.get_projects()
        row = next((p for p in projects if name in (p["name"], p["id"])), None)
        if row is None:
            known = ", ".join(p["name"] for p in projects[:10])
            raise TowpathError(Code.NOT_FOUND, f"There is no project {name!r}. There are: {known}. See `towpath get projects`.")
        flows = client.get_flows(project_name=row["name"], limit=1000)
        confirm(f"Delete project {row['name']} with {_count(len(flows), 'flow')} and all their runs?", yes)
        client.delete_project(row["id"])
    if as_json:
        print_json({"id": row["id"], "name": row["name"], "flows": len(flows), "deleted": True})
    else:
        click.echo(f"Project {row['name']} is deleted, with {_count(len(flows), 'flow')}.")


@delete.command("agent")
@click.argument("agent")
@yes_option
@json_option
def delete_agent(agent: str, yes: bool, as_json: bool) -> None:
    """Forget an agent. One that is alive is not stopped by this.

    \b
    Example:
      towpath delete agent blue
    """
    from towpath.cli.service import is_alive

    with open_client() as client:
        row = the_agent(client, agent)
        confirm(f"Forget agent {row['name']}{', which is alive' if is_alive(row) else ''}?", yes)
        client.delete_agent(row["id"])
    if as_json:
        print_json({"id": row["id"], "name": row["name"], "deleted": True})
    else:
        click.echo(f"Agent {row['name']} ({row['id']}) is forgotten.")


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
