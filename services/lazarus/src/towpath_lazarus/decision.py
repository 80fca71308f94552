"""Which stranded runs to offer again: pure decisions on what the graphql service reports.

A run is stranded when it is neither offered (due and claimable), owned (has a lease) nor waiting (has a named condition). The service
finds them, counts their lives and decides what becomes of each; here is only decided which to name, and in what portions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Stranded:
    """A run that nobody will move on.

    Attributes:
        flow_run_id: The run.
        state: Its state.
        lives: How often it was brought back already.
        since: Since when it is stranded, for the log line.
    """

    flow_run_id: str
    state: str
    lives: int
    since: str | None

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Stranded:
        """Read a row of `stranded_flow_runs`."""
        return cls(row["flow_run_id"], row["state"], row["lives"], row.get("since"))


def to_offer(stranded: Sequence[Stranded], named: frozenset[str]) -> list[Stranded]:
    """The runs to name now, each once, in the order found.

    Args:
        stranded: What the query found.
        named: Runs that were named earlier in this turn; naming one again might not end.
    """
    return list({run.flow_run_id: run for run in stranded if run.flow_run_id not in named}.values())
