"""`towpath run`: create a run of a registered flow, and watch it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from towpath.cli.connection import open_client
from towpath.cli.output import json_option, print_json
from towpath.cli.style import clean, colored
from towpath_proto.states import is_a

if TYPE_CHECKING:
    from towpath.client.client import Client


def _parameter(ctx: click.Context, option: click.Parameter, values: tuple[str, ...]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for text in values:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise click.BadParameter(f"{text!r} has no value; write it like --param count=3")
        try:
            found[name] = json.loads(value)
        except ValueError:
            if value[:1] in ('"', "{", "["):
                raise click.BadParameter(f"the value of {name} begins like JSON and is none: {value}") from None
            found[name] = value
    return found


def _moment(ctx: click.Context, option: click.Parameter, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is no time; write it like 2026-01-31T08:00 or 2026-01-31T08:00+01:00") from None
    return value.astimezone(UTC)


@click.command()
@click.option("--name", "flow_name", help="The flow's name; its newest version is run.")
@click.option("--id", "flow_id", help="Or the id of a flow version.")
@click.option("--project", help="The project of --name, if several have a flow of that name.")
@click.option(
    "--param", "parameters", multiple=True, metavar="K=JSON", callback=_parameter, help="A parameter; text needs no quotes. Repeatable."
)
@click.option("--label", "labels", multiple=True, help="Labels in place of the flow's. Repeatable.")
@click.option("--run-name", help="A name for the run.")
@click.option("--at", callback=_moment, help="When it is due, ISO 8601; now when absent.")
@click.option("--idempotency-key", help="The same key and flow give the same run.")
@click.option("--watch", "-w", is_flag=True, help="Print states and log lines until the run has ended.")
@json_option
def run(
    flow_name: str | None,
    flow_id: str | None,
    project: str | None,
    parameters: dict[str, Any],
    labels: tuple[str, ...],
    run_name: str | None,
    at: datetime | None,
    idempotency_key: str | None,
    watch: bool,
    as_json: bool,
) -> None:
    """Run a registered flow, and watch it.

    Exit status with --watch: 0 when the run succeeded, 1 when it did not, 2 for wrong usage or an API that cannot be reached.

    \b
    Examples:
      towpath run --name hello --watch
      towpath run --name report --project weather --param city='"Graz"' --param days=3
      towpath run --name report --at 2026-01-31T08:00+01:00
    """
    if (flow_name is None) == (flow_id is None):
        raise click.UsageError("Say which flow: --name NAME or --id ID.")
    with open_client() as client:
        made = client.create_flow_run(
            flow_id,
            flow_name=flow_name,
            project_name=project,
            parameters=parameters or None,
            labels=labels or None,
            run_name=run_name,
            scheduled_start_time=at,
            idempotency_key=idempotency_key,
        )
        page = f"{client.settings.api_url}/run/{made}"
        if watch:
            click.echo(f"Flow run {made}\n{page}", err=as_json)
            raise click.exceptions.Exit(watched(client, made, as_json=as_json))
    if as_json:
        print_json({"id": made, "url": page})
    else:
        click.echo(f"Flow run {made}\n{page}")


def watched(client: Client, flow_run_id: str, *, as_json: bool) -> int:
    """Watch a run until it ends; the exit status says whether it succeeded, 130 that the person has left it.

    On a terminal the run is drawn in place; elsewhere its states and log lines are printed, with JSON to standard error.
    """
    from dataclasses import replace

    from towpath.cli.progress.live import Live, can_show
    from towpath.cli.watch import Watch
    from towpath.client.client import Client as PatientClient

    # whoever watches would rather wait out a restart of the API than lose the run from sight
    with PatientClient(settings=replace(client.settings, patience=max(60.0, client.settings.patience))) as patient:
        if not as_json and can_show():
            return _shown(Live(patient, flow_run_id).watch(), flow_run_id)
        try:
            ended = Watch(patient, flow_run_id, say=lambda line: click.echo(line, err=as_json)).follow()
        except KeyboardInterrupt:
            click.echo(f"\nLeft; the run goes on. To stop it: towpath cancel {flow_run_id}", err=True)
            return 130
    if as_json:
        print_json(ended)
    return 0 if is_a(ended["state"], "Success") else 1


def _shown(ended: Mapping[str, Any] | None, flow_run_id: str) -> int:
    if ended is None:
        click.echo(f"Left; the run goes on.\nWatch it again: towpath watch {flow_run_id}\nStop it:        towpath cancel {flow_run_id}")
        return 130
    click.echo(f"{colored(ended['state'])}: {clean(ended['state_message'] or '')}")
    if is_a(ended["state"], "Success"):
        return 0
    if is_a(ended["state"], "Failed"):
        click.echo(f"What went wrong:           towpath describe flow-run {ended['name']}")
    click.echo(f"Run again what is missing: towpath restart {ended['name']} --watch")
    return 1
