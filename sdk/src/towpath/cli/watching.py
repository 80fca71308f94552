"""Watch a run in the way that fits where the output goes; the exit status says how the run ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from towpath.cli.output import print_json
from towpath.cli.style import clean, colored
from towpath_proto.states import is_a

if TYPE_CHECKING:
    from towpath.client.client import Client


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
