"""Options and kinds of value that several commands share."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

_LENGTH = re.compile(r"(\d+(?:\.\d+)?)\s*(s|min|m|h|d|w)", re.IGNORECASE)
_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 604800}


def length(text: str) -> float | None:
    """Seconds that a text like `90s`, `10m`, `2h`, `3d` or `1w` means; None for another text."""
    found = _LENGTH.fullmatch(text)
    return float(found[1]) * _UNITS[found[2].lower()] if found else None


class Past(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.2 only
    """A moment: ISO 8601, or how long ago it was: `90s`, `10m`, `2h`, `3d`, `1w`."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Read it."""
        if isinstance(value, datetime):
            return value
        seconds = length(value)
        try:
            if seconds is not None:
                return datetime.now(UTC) - timedelta(seconds=seconds)
            return datetime.fromisoformat(value).astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is no time; write it like 2h, 30m, 3d or 2026-01-31T08:00", param, ctx)


def limit_option(default: int = 20) -> Callable[[F], F]:
    """The option --limit."""
    return click.option("--limit", default=default, show_default=True, type=click.IntRange(min=1), help="At most this many.")


def since_option(help: str) -> Callable[[F], F]:  # noqa: A002  (click's own word)
    """The option --since."""
    return click.option("--since", type=Past(), metavar="TIME", help=f"{help} (2h, 3d, or ISO 8601).")


project_option = click.option("--project", help="Only in this project.")

level_option = click.option(
    "--level",
    type=click.Choice(["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], case_sensitive=False),
    help="Only lines of this level or above.",
)


def levels_from(least: str | None) -> list[str]:
    """The levels from `least` on; none means all."""
    names = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
    return names[names.index(least.upper()) :] if least else []


yes_option = click.option("--yes", "-y", is_flag=True, help="Do not ask.")


def confirm(question: str, yes: bool) -> None:
    """Ask before something that cannot be taken back.

    Raises:
        click.UsageError: Nobody can be asked, and --yes is not given.
        click.Abort: The answer is no.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError(f"{question} Nobody can be asked here; add --yes to say so.")
    if not click.confirm(question, err=True):
        click.echo("Nothing was changed.", err=True)
        raise click.exceptions.Exit(1)
