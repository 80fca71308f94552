"""The runs that an agent has claimed and not yet handed over: who they are, and until when the agent answers for them.

A claimed run is *launching*: the agent holds its lease. It leaves this book when its process has begun (the runner, or the container's
supervisor, holds the lease then), when it was given back, or when the API says that it is not ours any more. The book is what keeps an
agent from launching a run twice. Thread-safe; no I/O.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MARK_RUN, MARK_FENCE, MARK_NAME, MARK_FLOW, MARK_FLOW_NAME = "flow-run-id", "fence", "run-name", "flow-id", "flow-name"
"""Names of what a run's container is marked with."""


@dataclass(frozen=True, slots=True)
class ClaimedRun:
    """A run that this agent has to start.

    Attributes:
        id: The flow run's id.
        fence: The fence of the claim.
        run_token: Token that can touch this run only. Never printed.
        name: The run's name.
        flow_id: The flow version.
        flow_name: The flow's name.
        labels: The run's labels.
        run_config: Its run config as JSON; empty for none.
        storage: Where the flow's code is, as JSON; empty for the backend.
        parent: The flow run that created it, if one did.
        traceparent: W3C trace context under which it was created, if that was traced.
    """

    id: str
    fence: int
    run_token: str = field(repr=False)
    name: str = ""
    flow_id: str = ""
    flow_name: str = ""
    labels: tuple[str, ...] = ()
    run_config: Mapping[str, Any] = field(default_factory=dict)
    storage: Mapping[str, Any] = field(default_factory=dict)
    parent: str | None = None
    traceparent: str | None = None

    @classmethod
    def from_answer(cls, row: Mapping[str, Any]) -> ClaimedRun:
        """Read one run of a `claim_flow_runs` answer."""
        return cls(
            id=str(row["id"]),
            fence=int(row["fence"]),
            run_token=str(row["run_token"]),
            name=str(row.get("name") or ""),
            flow_id=str(row["flow_id"]),
            flow_name=str(row["flow_name"]),
            labels=tuple(row.get("labels") or ()),
            run_config=row.get("run_config") or {},
            storage=row.get("storage") or {},
            parent=row.get("parent_flow_run_id"),
            traceparent=row.get("traceparent"),
        )

    @classmethod
    def from_marks(cls, marks: Mapping[str, str | None], prefix: str) -> ClaimedRun | None:
        """The run that the marks on a container name; None for none of ours. Its token is the container's alone.

        Args:
            marks: Labels, annotations or tags.
            prefix: What the names of ours begin with.
        """
        run, fence = marks.get(f"{prefix}{MARK_RUN}"), marks.get(f"{prefix}{MARK_FENCE}") or ""
        if not run or not fence.isdecimal():
            return None
        name, flow_id, flow_name = (marks.get(f"{prefix}{mark}") or "" for mark in (MARK_NAME, MARK_FLOW, MARK_FLOW_NAME))
        return cls(id=run, fence=int(fence), run_token="", name=name, flow_id=flow_id, flow_name=flow_name)

    def marks(self, prefix: str) -> dict[str, str]:
        """What its container is marked with, so that an agent after this one finds the run again."""
        marks = {
            MARK_RUN: self.id,
            MARK_FENCE: str(self.fence),
            MARK_NAME: self.name,
            MARK_FLOW: self.flow_id,
            MARK_FLOW_NAME: self.flow_name,
        }
        return {f"{prefix}{name}": value for name, value in marks.items()}

    @property
    def trace(self) -> dict[str, str]:
        """The variable by which the run's process goes on under its trace."""
        return {} if self.traceparent is None else {"TRACEPARENT": self.traceparent}

    @property
    def key(self) -> tuple[str, int]:
        """Run and fence: one claim."""
        return (self.id, self.fence)


class Launching:
    """The book of launching runs."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._runs: dict[tuple[str, int], ClaimedRun] = {}
        self._deployed: set[tuple[str, int]] = set()

    def add(self, run: ClaimedRun) -> bool:
        """Enter a claimed run; False when this very claim is known already."""
        with self._guard:
            if run.key in self._runs:
                return False
            self._runs[run.key] = run
            return True

    def mark_deployed(self, run: ClaimedRun) -> None:
        """Its process has been asked for: the agent does not give it back any more by itself."""
        with self._guard:
            if run.key in self._runs:
                self._deployed.add(run.key)

    def take(self, flow_run_id: str, fence: int) -> ClaimedRun | None:
        """Strike a run out; None when it is not in the book."""
        with self._guard:
            self._deployed.discard((flow_run_id, fence))
            return self._runs.pop((flow_run_id, fence), None)

    def all(self) -> list[ClaimedRun]:
        """The launching runs."""
        with self._guard:
            return list(self._runs.values())

    def undeployed(self) -> list[ClaimedRun]:
        """Those whose process has not been asked for."""
        with self._guard:
            return [run for key, run in self._runs.items() if key not in self._deployed]

    def __len__(self) -> int:
        with self._guard:
            return len(self._runs)
