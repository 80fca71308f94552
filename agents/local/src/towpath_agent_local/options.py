"""The options of `towpath agent local start` that only this kind has."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from towpath.agent.options import ENV, max_runs
from towpath.agent.settings import variables
from towpath_agent_local.settings import MAX_RUNS, LocalSettings

OPTIONS = (
    click.Option(
        ["--directory"], type=click.Path(path_type=Path, file_okay=False), help="The runner's directory. Default: one for each API."
    ),
    ENV,
    max_runs(MAX_RUNS),
    click.Option(["--show-flow-logs"], is_flag=True, help="Print what runs print."),
)


def read(options: Mapping[str, Any]) -> LocalSettings:
    """The settings that the values of `OPTIONS` mean.

    Raises:
        TowpathError: `BAD_SETTING` for an --env that is not KEY=VALUE.
    """
    return LocalSettings(
        directory=options["directory"],
        env=variables(options["env"]),
        max_runs=options["max_runs"],
        show_flow_logs=options["show_flow_logs"],
    )
