"""`towpath create`."""

from __future__ import annotations

import click

from towpath.cli.output import json_option, print_json


@click.group()
def create() -> None:
    """Create a project."""


@create.command()
@click.argument("name")
@click.option("--description", help="What it is for.")
@click.option("--skip-if-exists", is_flag=True, help="Succeed when there is a project of this name already.")
@json_option
def project(name: str, description: str | None, skip_if_exists: bool, as_json: bool) -> None:
    """Create a project, a folder for flows.

    \b
    Examples:
      towpath create project weather
      towpath create project weather --description "Forecasts, hourly" --skip-if-exists
    """
    from towpath.cli.connection import open_client
    from towpath_proto.errors import Code, TowpathError

    with open_client() as client:
        try:
            made, created = client.create_project(name, description=description), True
        except TowpathError as e:
            if e.code != Code.UNIQUENESS_VIOLATION or not skip_if_exists:
                if e.code != Code.UNIQUENESS_VIOLATION:
                    raise
                sentence = f"There is a project named {name!r} already; with --skip-if-exists that is no error."
                raise TowpathError(Code.UNIQUENESS_VIOLATION, sentence) from e
            made, created = next(p["id"] for p in client.get_projects() if p["name"] == name), False
    if as_json:
        print_json({"id": made, "name": name, "created": created})
    else:
        click.echo(f"Project {name} {'created' if created else 'exists already'} ({made}).")
