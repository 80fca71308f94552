"""Options of `towpath agent <kind> start` that several kinds have."""

from __future__ import annotations

import click

from towpath.agent.images import DEFAULT_IMAGE

ENV = click.Option(["--env", "-e"], multiple=True, metavar="KEY=VALUE", help="Set a variable in every run's environment. Repeatable.")
"""Read it with `towpath.agent.settings.variables`."""
IMAGE = click.Option(["--image"], default=DEFAULT_IMAGE, show_default=True, help="Image of runs for which nothing else names one.")
ALLOW_REGISTRY = click.Option(["--allow-registry"], multiple=True, metavar="HOST", help="Take images of this registry only. Repeatable.")


def max_runs(default: int) -> click.Option:
    """The option --max-runs of a kind."""
    return click.Option(
        ["--max-runs"], type=click.IntRange(min=1), default=default, show_default=True, help="Run at most this many at once."
    )
