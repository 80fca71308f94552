"""`towpath register`: register the flows of a script or of a module."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from towpath.cli.connection import open_client
from towpath.cli.output import json_option, print_json

if TYPE_CHECKING:
    from towpath.core.flow import Flow


@click.command()
@click.option(
    "--path", "-p", "paths", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A script. Repeatable."
)
@click.option("--module", "-m", "modules", multiple=True, help="An importable module. Repeatable.")
@click.option("--name", "-n", "names", multiple=True, help="Only the flow of this name. Repeatable.")
@click.option("--project", help="An existing project; the API's default project when absent.")
@click.option("--label", "labels", multiple=True, help="A label in addition to the flow's own. Repeatable.")
@click.option("--no-schedule", is_flag=True, help="Leave the schedule of the flow off.")
@json_option
def register(
    paths: tuple[Path, ...],
    modules: tuple[str, ...],
    names: tuple[str, ...],
    project: str | None,
    labels: tuple[str, ...],
    no_schedule: bool,
    as_json: bool,
) -> None:
    """Register flows of a script or module.

    A flow must be a global variable there. Its code goes to the API, signed with your key; agents need no access to your files. A flow that
    has not changed keeps its version.

    \b
    Examples:
      towpath register -p flow.py
      towpath register -m mypackage.flows --name report --project weather
    """
    if not paths and not modules:
        raise click.UsageError("Say where the flows are: --path SCRIPT or --module MODULE.")
    flows = _find(paths, modules, names)
    rows: list[dict[str, Any]] = []
    with open_client() as client:
        for flow in flows:
            made = client.register_flow(flow, project, labels=labels or None, set_schedule_active=not no_schedule)
            rows.append({"name": flow.name, "flow_id": made.flow_id, "version": made.version, "created": made.created})
            if not as_json:
                what = "registered" if made.created else "has not changed"
                click.echo(f"Flow {flow.name} {what}: version {made.version} ({made.flow_id}).")
    if as_json:
        print_json(rows)


def _find(paths: tuple[Path, ...], modules: tuple[str, ...], names: tuple[str, ...]) -> list[Flow]:
    import importlib

    from towpath.errors import Code, TowpathError
    from towpath.scripts import flows_in, load_script

    found: list[Flow] = []
    try:
        for path in paths:
            found += flows_in(load_script(path))
        if modules:
            sys.path.insert(0, str(Path.cwd()))
        for name in modules:
            found += flows_in(importlib.import_module(name))
    except TowpathError:
        raise
    except ModuleNotFoundError as e:
        raise TowpathError(Code.NOT_FOUND, f"The module {e.name!r} cannot be imported; install it, or check the name.") from e
    except Exception as e:
        import traceback

        traceback.print_exc()
        raise TowpathError(Code.BAD_FLOW, f"The flows could not be loaded: {type(e).__name__}: {e}") from e
    where = ", ".join([*map(str, paths), *modules])
    if not found:
        raise TowpathError(Code.NOT_FOUND, f"There is no flow in {where}; a flow must be a global variable there.")
    missing = sorted(set(names) - {flow.name for flow in found})
    if missing:
        known = ", ".join(sorted({flow.name for flow in found}))
        raise TowpathError(Code.NOT_FOUND, f"There is no flow named {', '.join(missing)} in {where}; there: {known}.")
    return [flow for flow in found if not names or flow.name in names]
