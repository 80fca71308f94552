"""`towpath register`: register the flows of scripts, folders and modules; with --watch again whenever one is saved."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from towpath.cli.connection import open_client
from towpath.cli.output import json_option, print_json
from towpath.cli.sources import Source, files_loaded, flows_of, sources
from towpath_proto.errors import Code, TowpathError

if TYPE_CHECKING:
    from towpath.client.client import Client
    from towpath.core.flow import Flow

_ALL_THE_SAME = (Code.UNREACHABLE, Code.UNAVAILABLE, Code.BAD_SETTING, Code.UNAUTHENTICATED, Code.FORBIDDEN)
"""What no other flow would survive either."""


_PATH = click.Path(exists=True, path_type=Path)


@click.command()
@click.option("--path", "-p", "paths", multiple=True, type=_PATH, help="A script, or a folder of scripts. Repeatable.")
@click.option("--module", "-m", "modules", multiple=True, help="An importable module. Repeatable.")
@click.option("--name", "-n", "names", multiple=True, help="Only the flow of this name. Repeatable.")
@click.option("--project", help="An existing project; the API's default project when absent.")
@click.option("--label", "labels", multiple=True, help="A label in addition to the flow's own. Repeatable.")
@click.option("--no-schedule", is_flag=True, help="Leave the schedule of the flow off.")
@click.option("--force", is_flag=True, help="A new version even of a flow that has not changed.")
@click.option("--watch", is_flag=True, help="Register again whenever a script or one of your modules is saved, until Ctrl-C.")
@click.option("--files-to", type=click.Path(path_type=Path), hidden=True, help="Write there which files were loaded.")
@json_option
def register(
    paths: tuple[Path, ...],
    modules: tuple[str, ...],
    names: tuple[str, ...],
    project: str | None,
    labels: tuple[str, ...],
    no_schedule: bool,
    force: bool,
    watch: bool,
    files_to: Path | None,
    as_json: bool,
) -> None:
    """Register flows of scripts, folders or modules.

    A flow must be a global variable there. Its code goes to the API, signed with your key; agents need no access to your files. A flow that
    has not changed keeps its version. One that fails does not keep the others from being registered; the exit status is then 1.

    \b
    Examples:
      towpath register -p flow.py
      towpath register -p flows/ -m mypackage.flows --project weather
      towpath register -p flow.py --name report --force
      towpath register -p flow.py --watch
    """
    if not paths and not modules:
        raise click.UsageError("Say where the flows are: --path SCRIPT or --module MODULE.")
    if watch:
        if as_json:
            raise click.UsageError("--watch goes on and on, and so not with --json.")
        from towpath.cli.saving import watch_files

        watch_files(list(paths), list(modules), _again(names, project, labels, no_schedule))
        return
    results = Results(as_json)
    loaded = _load(sources(paths, modules), names, results)
    if files_to is not None:
        files_to.write_text("".join(f"{file}\n" for file in sorted(files_loaded())))
    if loaded:
        with open_client() as client:
            if project is not None:
                _check_project(client, project)
            for source, flow in loaded:
                results.add(_register(client, source, flow, project, labels, no_schedule, force))
    if as_json:
        print_json(results.rows)
    raise click.exceptions.Exit(1 if results.failed else 0)


def _again(names: tuple[str, ...], project: str | None, labels: tuple[str, ...], no_schedule: bool) -> list[str]:
    """The options as words, for the processes that --watch starts."""
    words = [word for option, values in (("--name", names), ("--label", labels)) for value in values for word in (option, value)]
    return [*words, *(["--project", project] if project else []), *(["--no-schedule"] if no_schedule else [])]


class Results:
    """What became of each flow; says it as it comes.

    Args:
        as_json: Only failures are said; the rows are printed by the caller.
    """

    def __init__(self, as_json: bool) -> None:
        self._quiet = as_json
        self.rows: list[dict[str, Any]] = []

    @property
    def failed(self) -> bool:
        """Whether anything failed."""
        return any(row["status"] == "failed" for row in self.rows)

    def add(self, row: dict[str, Any]) -> None:
        """Note a row."""
        self.rows.append(row)
        if row["status"] == "failed":
            what = f"{row['name']}: " if row["name"] else ""
            print(f"towpath: {what}{row['message']} ({row['code']})", file=sys.stderr)
        elif not self._quiet:
            click.echo(f"{row['name']}: {row['status']}, version {row['version']} ({row['flow_id']})")


def _failure(source: Source | None, name: str | None, error: TowpathError) -> dict[str, Any]:
    return {
        "name": name,
        "source": str(source) if source else None,
        "status": "failed",
        "code": str(error.code),
        "message": error.message,
        "flow_id": None,
        "version": None,
        "created": False,
    }


def _load(found: list[Source], names: tuple[str, ...], results: Results) -> list[tuple[Source, Flow]]:
    loaded: list[tuple[Source, Flow]] = []
    broken = False
    for source in found:
        try:
            flows = flows_of(source)
            _check_names(source, flows)
            loaded += [(source, flow) for flow in flows]
        except TowpathError as e:
            broken = True
            results.add(_failure(source, None, e))
    where = ", ".join(map(str, found)) or "a folder without scripts"
    if not loaded and not broken:
        error = TowpathError(Code.NOT_FOUND, f"There is no flow in {where}; a flow must be a global variable of a script.")
        results.add(_failure(None, None, error))
    missing = sorted(set(names) - {flow.name for _, flow in loaded})
    if missing and loaded:
        known = ", ".join(sorted({flow.name for _, flow in loaded}))
        error = TowpathError(Code.NOT_FOUND, f"There is no flow named {', '.join(missing)} in {where}; there: {known}.")
        results.add(_failure(None, None, error))
    return [(source, flow) for source, flow in loaded if not names or flow.name in names]


def _check_names(source: Source, flows: Sequence[Flow]) -> None:
    """Each of two flows of one name would be a new version of the other, at every registration, and the last would win."""
    names = [flow.name for flow in {id(flow): flow for flow in flows}.values()]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise TowpathError(Code.BAD_FLOW, f"{source} has several flows named {', '.join(map(repr, twice))}; give each a name of its own.")


def _check_project(client: Client, project: str) -> None:
    """Say once, and not for each flow, that there is no such project."""
    names = [row["name"] for row in client.get_projects()]
    if project not in names:
        from difflib import get_close_matches

        near = get_close_matches(project, names, n=1)
        guess = f" Did you mean {near[0]!r}?" if near else ""
        raise TowpathError(Code.NOT_FOUND, f"There is no project {project!r}; make it with `towpath create project {project}`.{guess}")


def _register(
    client: Client, source: Source, flow: Flow, project: str | None, labels: tuple[str, ...], no_schedule: bool, force: bool
) -> dict[str, Any]:
    from towpath_proto.ids import uuid7

    try:
        made = client.register_flow(
            flow,
            project,
            labels=labels or None,
            set_schedule_active=not no_schedule,
            idempotency_key=str(uuid7()) if force else None,
        )
    except TowpathError as e:
        if e.code in _ALL_THE_SAME:
            raise
        return _failure(source, flow.name, e)
    except Exception as e:  # what the user's own objects raise when they are serialised
        return _failure(source, flow.name, TowpathError(Code.BAD_FLOW, f"cannot be serialised: {type(e).__name__}: {e}"))
    return {
        "name": flow.name,
        "source": str(source),
        "status": "registered" if made.created else "unchanged",
        "code": None,
        "message": None,
        "flow_id": made.flow_id,
        "version": made.version,
        "created": made.created,
    }
