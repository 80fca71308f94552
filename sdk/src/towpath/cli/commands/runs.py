"""`towpath cancel`, `towpath restart` and `towpath logs`: commands about one flow run."""

from __future__ import annotations

import click

from towpath.cli.connection import open_client
from towpath.cli.output import colored, json_option, print_json


@click.command()
@click.argument("flow_run_id")
@json_option
def cancel(flow_run_id: str, as_json: bool) -> None:
    """Stop a flow run.

    A run that has not begun is Cancelled at once. One that runs is asked to stop: its tasks are interrupted, and its process is killed when
    it has not ended ten seconds later.

    \b
    Example:
      towpath cancel 0191a6c2-…
    """
    with open_client() as client:
        state = client.cancel_flow_run(flow_run_id)
    if as_json:
        print_json({"id": flow_run_id, "state": state})
    else:
        click.echo(f"Flow run {flow_run_id} is {colored(state)}.")


@click.command()
@click.argument("flow_run_id")
@click.option("--watch", is_flag=True, help="Watch it until it ends.")
@json_option
def restart(flow_run_id: str, watch: bool, as_json: bool) -> None:
    """Run again what failed in a flow run; what succeeded is not run again.

    \b
    Example:
      towpath restart 0191a6c2-… --watch
    """
    with open_client() as client:
        client.restart_flow_run(flow_run_id)
        if watch:
            from towpath.cli.commands.run import watched

            raise click.exceptions.Exit(watched(client, flow_run_id, as_json=as_json))
    if as_json:
        print_json({"id": flow_run_id})
    else:
        click.echo(f"Flow run {flow_run_id} is due again.")


@click.command()
@click.argument("flow_run_id")
@click.option("--follow", "-f", is_flag=True, help="Go on until the run has ended.")
@click.option("--level", multiple=True, help="Only lines of this level. Repeatable; not with --follow.")
@json_option
def logs(flow_run_id: str, follow: bool, level: tuple[str, ...], as_json: bool) -> None:
    """Show the log of a flow run, and follow it.

    \b
    Examples:
      towpath logs 0191a6c2-…
      towpath logs 0191a6c2-… --follow
    """
    from towpath.cli.watch import Watch, log_line

    if follow and (as_json or level):
        raise click.UsageError("--follow goes with neither --json nor --level.")
    with open_client() as client:
        if follow:
            Watch(client, flow_run_id, say=click.echo, states=False).follow()
            return
        rows = client.get_logs(flow_run_id, level=[one.upper() for one in level])
        if not rows:
            client.get_flow_run(flow_run_id)  # a run that is not there is an error, one without lines is none
    if as_json:
        print_json(rows)
    else:
        for row in rows:
            click.echo(log_line(row))
