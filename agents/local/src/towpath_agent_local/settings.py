"""What only the local agent can be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

MAX_RUNS = 100


@dataclass(frozen=True, slots=True)
class LocalSettings:
    """What only the local agent can be told.

    Attributes:
        directory: The runner's directory; by default one for each API address.
        env: Environment variables of the runs it starts; a run config's own win.
        max_runs: At most this many runs at once.
        show_flow_logs: Whether what runs print is printed by the agent too.
    """

    directory: Path | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    max_runs: int = MAX_RUNS
    show_flow_logs: bool = False
