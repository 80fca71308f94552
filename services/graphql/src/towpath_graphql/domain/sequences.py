"""Per-reporter sequences of a run's reports.

Each reporter (engine, supervisor) numbers its batches from 1 under a fence. A number that has been taken is a replay: it changes nothing
and is answered as such. A gap is accepted: the batches between were lost with the process that had them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from towpath_graphql.domain.runs import FlowRun

Reporter = Literal["engine", "supervisor"]


def is_replay(run: FlowRun, reporter: Reporter, sequence: int) -> bool:
    """Whether this batch was taken before."""
    return sequence <= (run.engine_sequence if reporter == "engine" else run.supervisor_sequence)


def consumed(run: FlowRun, reporter: Reporter, sequence: int) -> FlowRun:
    """The run with this batch counted as taken."""
    if reporter == "engine":
        return replace(run, engine_sequence=max(run.engine_sequence, sequence))
    return replace(run, supervisor_sequence=max(run.supervisor_sequence, sequence))
