"""What the live view knows about a run at one moment. Values and pure functions; the feed makes them, the view shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from towpath_proto.states import is_a, is_final


@dataclass(frozen=True, slots=True)
class Children:
    """The runs of a mapped task, counted.

    Attributes:
        counts: How many are in which state.
        total: How many there will be.
        rate: Runs that ended per second lately; None while that is not known.
        over: Whether the flow run has ended, so that what has not run will not.
    """

    counts: Mapping[str, int]
    total: int
    rate: float | None = None
    over: bool = False

    def number(self, *kinds: str) -> int:
        """How many are in one of these states or one that specialises it."""
        return sum(n for state, n in self.counts.items() if is_a(state, *kinds))

    @property
    def done(self) -> int:
        """How many have ended."""
        return sum(n for state, n in self.counts.items() if is_final(state))

    @property
    def state(self) -> str:
        """One state for them all."""
        if self.done < self.total:
            return "Cancelled" if self.over else "Running"
        for kind in ("Failed", "Cancelled"):
            if self.number(kind):
                return kind
        return "Success"


@dataclass(frozen=True, slots=True)
class TaskLine:
    """One task.

    Attributes:
        slug: The task.
        name: What is shown.
        indent: Steps to the right.
        state: State of its run.
        message: What the state says.
        start: When it began.
        end: When it ended.
        attempt: Which attempt this is.
        children: Its mapped runs, if it has been spread.
    """

    slug: str
    name: str
    indent: int
    state: str
    message: str = ""
    start: datetime | None = None
    end: datetime | None = None
    attempt: int = 1
    children: Children | None = None

    @property
    def shown_state(self) -> str:
        """Its state, for a mapped task that of all its runs together."""
        return self.children.state if self.children is not None and self.state in ("Mapped", "Running") else self.state


@dataclass(frozen=True, slots=True)
class Progress:
    """A run at one moment.

    Attributes:
        flow: Name of the flow.
        name: Name of the run.
        state: Its state.
        message: What the state says.
        start: When it began.
        end: When it ended.
        tasks: Its tasks in order.
        lines: The last log lines, ready to be shown.
        notice: What the person should know: that no agent serves the run.
        trouble: Why nothing newer is known, while the API cannot be reached.
    """

    flow: str
    name: str
    state: str
    message: str = ""
    start: datetime | None = None
    end: datetime | None = None
    tasks: tuple[TaskLine, ...] = ()
    lines: tuple[str, ...] = ()
    notice: str = ""
    trouble: str = field(default="", compare=False)

    @property
    def ended(self) -> bool:
        """Whether the run is over."""
        return is_final(self.state)

    def finished_tasks(self) -> int:
        """How many tasks have ended, a mapped one with all its runs."""
        return sum(is_final(task.shown_state) for task in self.tasks)
