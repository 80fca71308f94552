"""How the command line shows data: tables for people, JSON for programs. It asks nobody for anything."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import click

from towpath.cli.style import BOLD, DIM, RESET, clean, colored, wants_color, width

F = TypeVar("F", bound=Callable[..., Any])

Row = Mapping[str, Any]


def json_option(command: F) -> F:
    """The option --json."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")(command)


def print_json(data: Any) -> None:
    """Print a value as JSON, indented."""
    click.echo(json.dumps(data, indent=2, ensure_ascii=False, default=str))


def print_table(rows: Sequence[Row], columns: Mapping[str, Callable[[Row], Any]], *, nothing: str) -> None:
    """Print rows as columns; `nothing` is said when there is none."""
    if not rows:
        click.echo(nothing, err=True)
        return
    cells = [[_text(read(row)) for read in columns.values()] for row in rows]
    widths = [max(len(head), *(width(line[i]) for line in cells)) for i, head in enumerate(columns)]
    heads = "  ".join(head.ljust(size) for head, size in zip(columns, widths, strict=True)).rstrip()
    click.echo(f"{BOLD}{heads}{RESET}" if wants_color(sys.stdout) else heads)
    for line in cells:
        click.echo("  ".join(_cell(head, text, size) for head, text, size in zip(columns, line, widths, strict=True)).rstrip())


def _cell(head: str, text: str, size: int) -> str:
    shown = colored(text) if head in ("STATE", "STATUS") else text
    return shown + " " * (size - width(text))


def print_section(title: str, fields: Mapping[str, Any]) -> None:
    """Print a titled block of `name  value` lines; a value of None or of nothing is left out, one of several lines is indented."""
    shown = {name: str(value) for name, value in fields.items() if value not in (None, "", [], {})}
    if not shown:
        return
    color = wants_color(sys.stdout)
    click.echo(f"{BOLD}{title}{RESET}" if color else title)
    size = max(len(name) for name in shown)
    for name, value in shown.items():
        first, *rest = clean(value).splitlines() or [""]
        if name == "state":
            first = colored(first)
        head = name.ljust(size)
        click.echo(f"  {DIM}{head}{RESET}  {first}" if color else f"  {head}  {first}")
        for line in rest:
            click.echo(f"  {' ' * size}  {line}")
    click.echo("")


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return ", ".join(str(v) for v in value)
    return " ".join(clean(str(value)).split())


def moment(text: str | None) -> datetime | None:
    """An API time as an aware datetime."""
    if not text:
        return None
    value = datetime.fromisoformat(text)
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def ago(text: str | None, *, now: datetime | None = None) -> str:
    """How long ago, or in how long, as people say it."""
    when = moment(text)
    if when is None:
        return ""
    seconds = ((now or datetime.now(UTC)) - when).total_seconds()
    size = abs(seconds)
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        if size >= length or unit == "s":
            said = f"{int(size // length)} {unit}"
            return f"{said} ago" if seconds >= 0 else f"in {said}"
    return ""


def clock_time(text: str | None) -> str:
    """An API time in the local zone, to the second, with how long ago that is."""
    when = moment(text)
    return "" if when is None else f"{when.astimezone():%Y-%m-%d %H:%M:%S %Z} ({ago(text)})"


def lasted(start: str | None, end: str | None) -> str:
    """A duration between two API times."""
    begin, finish = moment(start), moment(end)
    if begin is None or finish is None:
        return ""
    seconds = (finish - begin).total_seconds()
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.1f} min"
