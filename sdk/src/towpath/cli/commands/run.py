"""`towpath run`: create a run of a registered flow, and watch it; or run the flow of a script here, without any server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from towpath.cli.connection import open_client
from towpath.cli.output import json_option, print_json
from towpath.cli.parameters import as_json as read_json
from towpath.cli.parameters import choose, read_file, read_pairs

if TYPE_CHECKING:
    from towpath.core.flow import Flow


def _moment(ctx: click.Context, option: click.Parameter, text: str | None) -> datetime | None:
    if text is None:
        return None
    if text.startswith("+"):
        from towpath.cli.options import length

        ahead = length(text[1:])
        if ahead is not None:
            return datetime.now(UTC) + timedelta(seconds=ahead)
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is no time; write it like 2026-01-31T08:00, 2026-01-31T08:00+01:00 or +10m") from None
    return value.astimezone(UTC)


@click.command()
@click.argument("flow", required=False)
@click.option("--name", "flow_name", help="The flow's name; its newest version is run. The same as FLOW.")
@click.option("--id", "flow_id", help="Or the id of a flow version, or the beginning of it.")
@click.option("--project", help="The flow's project, if several have a flow of that name.")
@click.option("--path", "-p", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Run the flow of this script here.")
@click.option("--module", "-m", help="Run the flow of this module here.")
@click.option("--execute", is_flag=True, help="Run it in this process, without server and agent; goes with --path and --module.")
@click.option("--param", "texts", multiple=True, metavar="K=V", help="A parameter: JSON, or a text, which needs no quotes. Repeatable.")
@click.option("--param-file", metavar="FILE", help="Parameters from a JSON or TOML file, or - for standard input; --param wins.")
@click.option("--context", "context", multiple=True, metavar="K=V", help="A value of the run's context. Repeatable.")
@click.option("--label", "labels", multiple=True, help="Labels in place of the flow's. Repeatable.")
@click.option("--run-name", help="A name for the run.")
@click.option("--at", callback=_moment, metavar="TIME", help="When it is due: ISO 8601, or +10m; now when absent.")
@click.option("--idempotency-key", metavar="KEY", help="The same key and flow give the same run.")
@click.option("--watch", "-w", is_flag=True, help="Watch the run until it has ended.")
@json_option
def run(
    flow: str | None,
    flow_name: str | None,
    flow_id: str | None,
    project: str | None,
    path: Path | None,
    module: str | None,
    execute: bool,
    texts: tuple[str, ...],
    param_file: str | None,
    context: tuple[str, ...],
    labels: tuple[str, ...],
    run_name: str | None,
    at: datetime | None,
    idempotency_key: str | None,
    watch: bool,
    as_json: bool,
) -> None:
    """Run a flow: FLOW is the name of a registered one, `project/name`, or an id.

    With --path or --module the flow of a script or a module is run in this process at once, and no server is needed.

    On a terminal --watch draws the run in place; Ctrl-C asks whether to leave it or to cancel it. Parameters are checked against what the
    flow declares before anything is sent; all problems are told at once. Exit status with --watch and --execute: 0 when the run succeeded,
    1 when it did not, 2 for wrong usage or an API that cannot be reached, 130 when you left it.

    \b
    Examples:
      towpath run hello --watch
      towpath run --name report --project weather --param city=Graz --param days=3
      towpath run report --param-file params.toml --at 2026-01-31T08:00+01:00
      towpath run -p flow.py --execute --param days=3
    """
    given = {name: read_json(name, value) for name, value in read_pairs(context, "--context").items()}
    if path is not None or module is not None or execute:
        _refuse_here(flow, flow_id, labels, run_name, at, idempotency_key, watch)
        if (path is None) == (module is None):
            raise click.UsageError("Say which flow to run here: --path SCRIPT or --module MODULE.")
        found = _load(path, module, flow_name)
        raise click.exceptions.Exit(_execute(found, texts, param_file, given, as_json))
    named = [name for name in (flow, flow_name, flow_id) if name is not None]
    if len(named) != 1:
        raise click.UsageError("Say which flow: FLOW, --name NAME or --id ID; or a script to run here: -p SCRIPT --execute.")
    pairs = read_pairs(texts, "--param")
    from_file = read_file(param_file) if param_file is not None else None
    from towpath.cli.finding import the_flow
    from towpath.cli.watching import watched

    with open_client() as client:
        chosen = the_flow(client, named[0], project)
        defaults = (chosen.get("flow_group") or {}).get("default_parameters")
        parameters = choose(chosen["name"], chosen.get("parameters") or [], pairs, from_file, defaults)
        made = client.create_flow_run(
            chosen["id"],
            parameters=parameters or None,
            labels=labels or None,
            context=given or None,
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


# ------------------------------------------------------------------------------------------------------------------------- without a server


def _refuse_here(*options: Any) -> None:
    if any(options):
        raise click.UsageError(
            "--execute runs the flow of -p SCRIPT or -m MODULE at once, in this process; FLOW, --id, --label, --run-name, --at, "
            "--idempotency-key and --watch do not go with it."
        )


def _load(path: Path | None, module: str | None, name: str | None) -> Flow:
    """The one flow of a script or module, or the one of this name."""
    from towpath.cli.sources import Source, flows_of
    from towpath_proto.errors import Code, TowpathError

    source = Source(path=path) if path is not None else Source(module=module)
    flows = flows_of(source)
    chosen = [flow for flow in flows if name is None or flow.name == name]
    if len(chosen) == 1:
        return chosen[0]
    known = ", ".join(flow.name for flow in flows)
    if not chosen:
        raise TowpathError(Code.NOT_FOUND, f"There is no flow named {name!r} in {source}; there: {known}.")
    raise TowpathError(Code.BAD_REQUEST, f"{source} has several flows ({known}); say which with --name.")


def _execute(flow: Flow, texts: tuple[str, ...], param_file: str | None, context: dict[str, Any], as_json: bool) -> int:
    from towpath.cli.style import clean, colored

    pairs = read_pairs(texts, "--param")
    from_file = read_file(param_file) if param_file is not None else None
    parameters = choose(flow.name, flow.serialize()["parameters"], pairs, from_file)
    began = datetime.now(UTC)
    state = flow.run(parameters, run_on_schedule=False, context=context)
    seconds = round((datetime.now(UTC) - began).total_seconds(), 3)
    tasks = [
        {"slug": flow.slugs[task], "state": own.kind, "message": own.message}
        for task, own in (state.result or {}).items()
        if task in flow.slugs
    ]
    if as_json:
        print_json({"flow": flow.name, "state": state.kind, "message": state.message, "seconds": seconds, "tasks": tasks})
    else:
        for task in tasks:
            if task["state"] not in ("Success", "Mapped", "Cached"):
                click.echo(f"  {task['slug']}  {colored(str(task['state']))}: {clean(str(task['message'] or ''))}")
        click.echo(f"Flow {flow.name} is {colored(state.kind)} after {seconds:g} s: {clean(state.message or '')}")
    return 0 if state.is_successful() else 1
