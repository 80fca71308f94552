"""`towpath watch`, `logs`, `cancel` and `restart`: commands about flow runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from towpath.cli.connection import open_client
from towpath.cli.finding import the_flow_run
from towpath.cli.options import confirm, level_option, levels_from, project_option, since_option, yes_option
from towpath.cli.output import Row, json_option, moment, print_json
from towpath.cli.style import colored

if TYPE_CHECKING:
    from towpath.client.client import Client

_ALL = 1_000


@click.command()
@click.argument("flow_runs", nargs=-1, metavar="[RUN]...")
@click.option(
    "--all", "everything", is_flag=True, help="All runs of --name that have not ended; those that a schedule has made ahead stay."
)
@click.option("--name", "flow", help="With --all: the flow's name.")
@project_option
@yes_option
@json_option
def cancel(flow_runs: tuple[str, ...], everything: bool, flow: str | None, project: str | None, yes: bool, as_json: bool) -> None:
    """Stop flow runs, given by name, by id or by the beginning of the id.

    A run that has not begun is Cancelled at once. One that runs is asked to stop: its tasks are interrupted, and its process is killed when
    it has not ended ten seconds later. A run that has ended stays as it is.

    \b
    Examples:
      towpath cancel brisk-heron
      towpath cancel 0191a6c2-7d1e 0191a6c3-90bb
      towpath cancel --all --name hello --yes
    """
    if everything == bool(flow_runs) or (flow is not None) != everything:
        raise click.UsageError("Say which runs: RUN…, or --all --name FLOW.")
    with open_client() as client:
        chosen = [the_flow_run(client, one) for one in flow_runs] if flow_runs else _unfinished(client, flow or "", project)
        if everything:
            if chosen:
                counts = ", ".join(f"{n} {state}" for state, n in Counter(run["state"] for run in chosen).most_common())
                confirm(f"Cancel {len(chosen)} run{'s' * (len(chosen) > 1)} of {flow} ({counts})?", yes)
            elif not as_json:
                click.echo(f"No run of {flow} is to be stopped.", err=True)
        done = []
        for run in {run["id"]: run for run in chosen}.values():
            state = client.cancel_flow_run(run["id"])
            done.append({"id": run["id"], "name": run["name"], "state": state})
            if not as_json:
                click.echo(f"Flow run {run['name']} ({run['id']}) is {colored(state)}.")
    if as_json:
        print_json(done)


def _unfinished(client: Client, flow: str, project: str | None) -> list[dict[str, Any]]:
    from towpath_proto.states import FINAL

    of_flow: dict[str, Any] = {"name": {"_eq": flow}}
    if project is not None:
        of_flow["project"] = {"name": {"_eq": project}}
    # a fire that is cancelled ahead of time does not come again: who wants that sets the schedule off
    ahead = {"auto_scheduled": {"_eq": True}, "scheduled_start_time": {"_gt": datetime.now(UTC).isoformat()}}
    where = {"state": {"_nin": sorted(FINAL)}, "flow": of_flow, "_not": ahead}
    found = client.find_flow_runs(where, limit=_ALL)
    if not found:
        client.find_flow(flow, project_name=project)  # a flow that is not there is an error, one without runs is none
    return found


@click.command()
@click.argument("flow_run")
@click.option("--watch", is_flag=True, help="Watch it until it ends.")
@json_option
def restart(flow_run: str, watch: bool, as_json: bool) -> None:
    """Run again what failed in a flow run; what succeeded is not run again.

    \b
    Example:
      towpath restart brisk-heron --watch
    """
    with open_client() as client:
        run = the_flow_run(client, flow_run)
        client.restart_flow_run(run["id"])
        if watch:
            from towpath.cli.watching import watched

            raise click.exceptions.Exit(watched(client, run["id"], as_json=as_json))
    if as_json:
        print_json({"id": run["id"], "name": run["name"]})
    else:
        click.echo(f"Flow run {run['name']} ({run['id']}) is due again.")


@click.command()
@click.argument("flow_run")
@json_option
def watch(flow_run: str, as_json: bool) -> None:
    """Watch a flow run until it has ended.

    On a terminal: the tasks with their states, a bar for each mapped task, and the last log lines, drawn in place; Ctrl-C asks whether to
    leave or to cancel the run. Elsewhere: its states and log lines, one after the other. Exit status: 0 when the run succeeded, 1 when it
    did not.

    \b
    Example:
      towpath watch brisk-heron
    """
    from towpath.cli.watching import watched

    with open_client() as client:
        run = the_flow_run(client, flow_run)
        raise click.exceptions.Exit(watched(client, run["id"], as_json=as_json))


@click.command()
@click.argument("flow_run")
@click.option("--follow", "-f", is_flag=True, help="Go on until the run has ended.")
@level_option
@click.option("--tail", "-n", type=click.IntRange(min=0), metavar="N", help="Only the last N lines.")
@since_option("Only lines since")
@click.option("--task", help="Only lines of the task of this name or slug.")
@json_option
def logs(flow_run: str, follow: bool, level: str | None, tail: int | None, since: datetime | None, task: str | None, as_json: bool) -> None:
    """Show the log of a flow run, and follow it.

    With --json each line is one JSON object when following, and one list otherwise.

    \b
    Examples:
      towpath logs brisk-heron --tail 50
      towpath logs brisk-heron --follow --level WARNING
      towpath logs 0191a6c2-7d1e --since 10m
    """
    from towpath.cli.watch import Lines, Watch

    with open_client() as client:
        run_id = the_flow_run(client, flow_run)["id"]
        lines = Lines(client, run_id, level=levels_from(level), since=since, task=task, tail=tail)
        if not follow:
            print_logs(list(lines.new()), as_json)
            return
        Watch(client, run_id, say=click.echo, states=False, lines=lines, as_json=as_json).follow()


def print_logs(rows: Sequence[Row], as_json: bool) -> None:
    """Print log rows, oldest first."""
    from towpath.cli.watch import log_line

    if as_json:
        print_json(rows)
        return
    days = {when.astimezone().date() for row in rows if (when := moment(row["timestamp"]))}
    for row in rows:
        click.echo(log_line(row, date=len(days) > 1))
    if not rows:
        click.echo("There is no line yet.", err=True)
