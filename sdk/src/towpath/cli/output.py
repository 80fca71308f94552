"""How the command line shows data: tables for people, JSON for programs. It asks nobody for anything."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import click

from towpath_proto.states import KINDS

F = TypeVar("F", bound=Callable[..., Any])

Row = Mapping[str, Any]


def json_option(command: F) -> F:
    """The option --json."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")(command)


def print_json(data: Any) -> None:
    """Print a value as JSON, indented."""
    click.echo(json.dumps(data, indent=2, ensure_ascii=False, default=str))


def print_table(rows: Sequence[Row], columns: Mapping[str, Callable[[Row], Any]], *, nothing: str) -> None:
    """Print rows as columns; `nothing` is said when there is none."""
    if not rows:
        click.echo(nothing, err=True)
        return
    cells = [[_text(read(row)) for read in columns.values()] for row in rows]
    widths = [max(len(head), *(len(line[i]) for line in cells)) for i, head in enumerate(columns)]
    click.echo("  ".join(head.ljust(width) for head, width in zip(columns, widths, strict=True)).rstrip())
    for line in cells:
        click.echo("  ".join(_cell(head, text, width) for head, text, width in zip(columns, line, widths, strict=True)).rstrip())


def _cell(head: str, text: str, width: int) -> str:
    padded = text.ljust(width)
    return colored(text) + padded[len(text) :] if head == "STATE" else padded


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return ", ".join(str(v) for v in value)
    return " ".join(str(value).split())


def colored(state: str) -> str:
    """The name of a state in its colour, if the output is a terminal."""
    kind = KINDS.get(state)
    if kind is None or not sys.stdout.isatty():
        return state
    red, green, blue = (int(kind.color[i : i + 2], 16) for i in (1, 3, 5))
    return click.style(state, fg=(red, green, blue), bold=kind.final)


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


def lasted(start: str | None, end: str | None) -> str:
    """A duration between two API times."""
    begin, finish = moment(start), moment(end)
    if begin is None or finish is None:
        return ""
    seconds = (finish - begin).total_seconds()
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.1f} min"
