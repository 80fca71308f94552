"""What the runner knows of each child, and what to do about it next. Decisions only: no process is touched and no clock read here.

The life of a child: *starting* (forked, its agent holds the lease) → *begun* (the runner renews the lease) → *final* (it has reported the
end of its run; the process is only tidying up) → gone. A child that has to stop gets SIGTERM, and SIGKILL once its grace is over; one that
lingers after its final report is ended the same way. Why it has to stop decides what its end means: a cancelled run ends Cancelled; one
whose process only was told to go is lost, and the API decides whether it is brought back; of one that has another owner nothing is said.
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from towpath.processes import clause, describe, oom_kills
from towpath.runner.launch import EXEC_FAILED, Launch
from towpath.runner.wire import Lines
from towpath_proto.states import is_a

LINGER = 30.0
"""Seconds that a process may live after it has reported its run's end."""


class Stage(StrEnum):
    """How far a child is."""

    STARTING = "starting"
    BEGINNING = "beginning"
    BEGUN = "begun"
    FINAL = "final"
    REFUSED = "refused"


class Why(StrEnum):
    """Why a child has to stop."""

    CANCELLED = "cancelled"
    """The API says that its run is to be stopped."""
    TOLD = "told"
    """Its supervisor was told to stop; nobody has said so of the run."""
    NOT_OURS = "not ours"
    """Its run has another owner or has ended."""


@dataclass(slots=True)
class Child:
    """One process of a run.

    Attributes:
        launch: What it runs.
        pid: Its process id, also its process group's.
        started: When it was forked (monotonic).
        stage: How far it is.
        state: The kind of state that it reported last for its run at the end.
        said: A reason that it gave with its stage.
        stop_reason: Why it has to stop, in words; None if it has not.
        cancelled: Whether it has to stop because its run was cancelled.
        kill_at: When it gets SIGKILL (monotonic).
        fenced: Whether its run has another owner: nothing may be reported any more.
        oom_before: Out-of-memory kills counted when it was started.
        memory_events: Where they are counted.
        status_fd: The pipe on which it says how far it is.
        lines: What came from that pipe.
        ended_elsewhere: How often in a row the API said that its run has ended.
        running: Task runs (slug, map index) that it is running.
    """

    launch: Launch
    pid: int
    started: float
    stage: Stage = Stage.STARTING
    state: str = ""
    said: str = ""
    stop_reason: str | None = None
    cancelled: bool = False
    kill_at: float | None = None
    fenced: bool = False
    oom_before: int = 0
    memory_events: Path | None = None
    status_fd: int = -1
    lines: Lines = field(default_factory=Lines)
    ended_elsewhere: int = 0
    running: dict[tuple[str, int], None] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, int]:
        """Run and fence: one launch."""
        return (self.launch.flow_run_id, self.launch.fence)

    @property
    def renews(self) -> bool:
        """Whether the runner holds its lease."""
        return self.stage in (Stage.BEGINNING, Stage.BEGUN) and not self.fenced

    def hear(self, message: dict[str, Any], *, now: float, linger: float = LINGER) -> None:
        """Take what the child says of itself."""
        if "task" in message:
            slug, map_index, runs = message["task"]
            if runs:
                self.running[slug, map_index] = None
            else:
                self.running.pop((slug, map_index), None)
            return
        stage = Stage(message["stage"])
        self.stage = stage
        self.state = str(message.get("state") or "")
        self.said = str(message.get("reason") or "")
        if stage in (Stage.FINAL, Stage.REFUSED) and self.kill_at is None:
            self.kill_at = now + linger

    def stop(self, reason: str, *, now: float, why: Why) -> int | None:
        """Begin to stop it; returns the signal to send, if one is due now.

        Args:
            reason: A sentence without its full stop; with `Why.TOLD` a clause that follows "the run's process …".
            now: Monotonic seconds.
            why: What its end will mean.
        """
        self.fenced = self.fenced or why is Why.NOT_OURS
        if self.stop_reason is not None:
            return None
        self.stop_reason = reason
        self.cancelled = why is Why.CANCELLED
        self.kill_at = now + self.launch.grace
        return signal.SIGTERM

    def overdue(self, now: float) -> bool:
        """Whether SIGKILL is due."""
        return self.kill_at is not None and now >= self.kill_at

    def verdict(self, status: int) -> Verdict:
        """What its end means, and what has to be reported."""
        if self.stage is Stage.FINAL or self.stage is Stage.REFUSED or self.fenced:
            return Verdict(ended="final" if self.stage is Stage.FINAL else "refused")
        begun = self.stage is not Stage.STARTING
        killed = "; it did not stop when asked and was killed" if os.waitstatus_to_exitcode(status) == -signal.SIGKILL else ""
        if self.cancelled:
            return Verdict(ended="reported", state="Cancelled", reason=f"{self.stop_reason}{killed}.")
        if self.stop_reason is not None:
            if begun:
                return Verdict(ended="reported", state="Failed", reason=f"{self.stop_reason}{killed}")
            return Verdict(ended="unbegun", reason=f"The run's process {self.stop_reason}.")
        oom = oom_kills(self.memory_events) > self.oom_before
        how = describe(status, oom_killed=oom, begun=begun)
        if not begun:
            if os.waitstatus_to_exitcode(status) == EXEC_FAILED:
                how = f"its interpreter {self.launch.env.get('TOWPATH_PYTHON', 'python')} cannot be executed"
            return Verdict(ended="unbegun", reason=self.said or f"The run's process could not be started: {how}.")
        return Verdict(ended="reported", state="Failed", reason=self.said or clause(how))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the end of a child means.

    Attributes:
        ended: `final` (it said all itself), `refused` (not its run any more), `unbegun` (the agent has to give the run back) or
            `reported` (the runner has to report `state`).
        state: Kind of state to report.
        reason: For people: a clause that follows "the run's process …" when `state` is Failed, else a sentence.
    """

    ended: str
    state: str | None = None
    reason: str = ""

    @property
    def failed(self) -> bool:
        """Whether a failure is to be reported."""
        return self.state is not None and is_a(self.state, "Failed")
