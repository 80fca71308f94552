"""`towpath config`: every setting with its value and where it comes from; secrets are masked."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

import click

from towpath.cli.output import json_option, print_json, print_table
from towpath.client.settings import SETTINGS, Setting

_SECRET_WORDS = ("KEY", "TOKEN", "SECRET", "PASSWORD", "DATABASE_URL")


@click.command()
@json_option
def config(as_json: bool) -> None:
    """Show every TOWPATH_ setting, its value and where it comes from. Secrets are masked.

    \b
    Examples:
      towpath config
      TOWPATH_API_URL=https://towpath.example.org towpath config --json
    """
    rows = collect(os.environ, _all_settings())
    if as_json:
        print_json(rows)
        return
    columns = {name.upper(): (lambda row, name=name: row[name]) for name in ("name", "value", "source", "meaning")}
    print_table(rows, columns, nothing="There are no settings.")


def collect(env: Mapping[str, str], settings: Iterable[Setting]) -> list[dict[str, Any]]:
    """One row a setting, those that only the environment knows last."""
    rows = []
    known = set()
    for setting in settings:
        known.add(setting.name)
        value = env.get(setting.name)
        shown = setting.default if value is None else _masked(value) if setting.secret else value
        source = "default" if value is None else "environment"
        rows.append({"name": setting.name, "value": shown, "source": source, "meaning": setting.meaning})
    for name in sorted(env):
        if name.startswith("TOWPATH_") and name not in known:
            value = _masked(env[name]) if any(word in name for word in _SECRET_WORDS) else env[name]
            rows.append({"name": name, "value": value, "source": "environment", "meaning": "(not a setting of what is installed here)"})
    return rows


def _masked(value: str) -> str:
    return f"{value[:4]}…" if len(value) > 12 else "…" if value else ""


def _all_settings() -> list[Setting]:
    """Our own, and those that installed packages declare in the entry point group `towpath.settings`."""
    from importlib.metadata import entry_points

    found = {s.name: s for s in SETTINGS}
    for point in entry_points(group="towpath.settings"):
        for item in point.load():
            # a table of objects with these fields, or of tuples in this order
            parts = (item.name, item.default, item.meaning, item.secret) if hasattr(item, "name") else tuple(item)
            found.setdefault(parts[0], Setting(*parts))
    return list(found.values())
