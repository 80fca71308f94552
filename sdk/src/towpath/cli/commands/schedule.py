"""`towpath schedule`: set the schedule of a flow on or off, and show when it fires."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from towpath.cli.connection import open_client
from towpath.cli.finding import the_flow
from towpath.cli.output import Row, json_option, moment, print_json


@click.group()
def schedule() -> None:
    """Set a flow's schedule on or off; show when it fires.

    \b
    Examples:
      towpath schedule show report
      towpath schedule off report
      towpath schedule on report
    """


def _of(row: Row) -> Any:
    """The schedule in force: the group's if it has one, else the flow's."""
    return (row.get("flow_group") or {}).get("schedule") or row.get("schedule")


def next_fires(row: Row, limit: int, *, after: datetime | None = None) -> list[str]:
    """The next fire times of a flow's schedule, whether it is on or off, ISO 8601 in UTC."""
    if not _of(row):
        return []
    from towpath_proto.schedules import parse

    return [fire.time.isoformat() for fire in parse(_of(row)).fires(after or datetime.now(UTC), limit)]


def summary(row: Row) -> str:
    """What the clocks of a flow's schedule say, in a few words."""
    said = []
    for clock in (_of(row) or {}).get("clocks") or []:
        if clock.get("cron"):
            said.append(f"cron {clock['cron']}")
        elif clock.get("interval") is not None:
            said.append(f"every {_length(float(clock['interval']))}")
        elif clock.get("dates"):
            said.append(f"{len(clock['dates'])} dates")
        else:
            said.append(str(clock.get("type") or "clock"))
    return "; ".join(said)


def _length(interval: float) -> str:
    # the wire has microseconds
    seconds = interval / 1_000_000
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length and seconds % length == 0:
            return f"{seconds / length:g} {unit}"
    return f"{seconds:g} s"


def _shown(row: Row, count: int, as_json: bool, headline: str) -> None:
    fires = next_fires(row, count)
    if as_json:
        print_json(
            {
                "flow_id": row["id"],
                "name": row["name"],
                "active": row["is_schedule_active"],
                "clocks": (_of(row) or {}).get("clocks") or [],
                "next": fires,
            }
        )
        return
    click.echo(headline)
    if not fires:
        click.echo("It never fires again." if _of(row) else "The flow has no schedule; give it one in its script: Flow(…, schedule=…).")
    for text in fires:
        when = moment(text)
        assert when is not None
        click.echo(f"  {when.astimezone():%a %Y-%m-%d %H:%M:%S %Z}   {when.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC")


def _switch(flow: str, project: str | None, as_json: bool, *, active: bool) -> None:
    with open_client() as client:
        found = the_flow(client, flow, project)
        client.set_schedule_active(found["id"], active)
        row = client.get_flow(found["id"])
    if not _of(row) and not as_json:
        click.echo(f"{row['name']} has no schedule, so nothing changes now; give it one in its script: Flow(…, schedule=…).")
        return
    consequence = "Its next fires:" if active else "It makes no more runs; what it had scheduled ahead is gone. It would fire:"
    _shown(row, 3, as_json, f"The schedule of {row['name']} is {'on' if active else 'off'}. {consequence}")


_project = click.option("--project", help="The flow's project, if several have one of this name.")


@schedule.command("on")
@click.argument("flow")
@_project
@json_option
def on(flow: str, project: str | None, as_json: bool) -> None:
    """Let the schedule of a flow make runs.

    \b
    Example:
      towpath schedule on report
    """
    _switch(flow, project, as_json, active=True)


@schedule.command("off")
@click.argument("flow")
@_project
@json_option
def off(flow: str, project: str | None, as_json: bool) -> None:
    """Stop the schedule of a flow. Runs that it has made ahead are taken back; those that run go on.

    \b
    Example:
      towpath schedule off report
    """
    _switch(flow, project, as_json, active=False)


@schedule.command("show")
@click.argument("flow")
@_project
@click.option("--count", "-n", default=10, show_default=True, type=click.IntRange(1, 1000), help="How many fires.")
@json_option
def show(flow: str, project: str | None, count: int, as_json: bool) -> None:
    """Show the next times at which the schedule of a flow fires, in local time and in UTC.

    \b
    Example:
      towpath schedule show report --count 5
    """
    with open_client() as client:
        row = client.get_flow(the_flow(client, flow, project)["id"])
    state = "on" if row["is_schedule_active"] else "off"
    _shown(row, count, as_json, f"{row['name']}: {summary(row) or 'no schedule'} (the schedule is {state})")
