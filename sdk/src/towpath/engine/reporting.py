"""The port through which the engine tells the outside what happens. Who listens (nobody, a backend, a test) is not its business.

Only the coordinator of a run reports states; workers never do. Log records come from wherever user code runs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from towpath.engine.state import State


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One log record of a run.

    Attributes:
        at: When, aware and in UTC.
        level: DEBUG, INFO, WARNING, ERROR or CRITICAL.
        logger: Name of the logger.
        message: The text, with any traceback.
        slug: The task it belongs to; None for the flow run.
        map_index: Index of the child; -1 for a task that is not one.
        info: Further facts as JSON.
    """

    at: datetime
    level: str
    logger: str
    message: str
    slug: str | None = None
    map_index: int = -1
    info: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Artifact:
    """What a task says of an artifact: a new one has a kind and a task, a change has data only, and without data it is deleted.

    Attributes:
        id: Its id, a UUID.
        data: What it holds, JSON.
        kind: What it is, such as link or markdown.
        slug: The task it belongs to.
        map_index: Index of the child; -1 for a task that is not one.
    """

    id: str
    data: Any = None
    kind: str | None = None
    slug: str | None = None
    map_index: int = -1

    def to_dict(self) -> dict[str, Any]:
        """The item of a report; also what travels between processes."""
        if self.data is None:
            return {"id": self.id, "delete": True}
        if self.slug is None:
            return {"id": self.id, "data": self.data}
        return {"id": self.id, "slug": self.slug, "map_index": self.map_index, "kind": self.kind, "data": self.data}

    @classmethod
    def from_dict(cls, item: dict[str, Any]) -> Artifact:
        """What `to_dict` made."""
        return cls(**{name: value for name, value in item.items() if name != "delete"})


class Reporter(Protocol):
    """Takes what the engine reports. No method may block for long or raise: a report that cannot be sent is the reporter's problem.

    `task_state`, `task_name`, `flow_state` and `flush` are called by the coordinator's thread, in the order in which things happened; `log`
    and `artifact` by any thread, `cancel_requested` by the coordinator before each task and about once a second while it waits.
    """

    def task_state(self, slug: str, map_index: int, state: State, at: datetime) -> None:
        """The task run entered `state` at `at`."""
        ...

    def task_name(self, slug: str, map_index: int, name: str) -> None:
        """The task run is to be called `name`; said before the state that it is to be seen with."""
        ...

    def flow_state(self, state: State, at: datetime) -> None:
        """The flow run entered `state` at `at`."""
        ...

    def log(self, entry: LogEntry) -> None:
        """A record was logged."""
        ...

    def artifact(self, artifact: Artifact) -> None:
        """A task made, changed or deleted an artifact."""
        ...

    def flush(self) -> None:
        """Send everything that was reported; called once, when the run ends or leaves the process."""
        ...

    def cancel_requested(self) -> bool:
        """Whether the run is to be stopped."""
        ...


class NullReporter:
    """Tells nobody."""

    def task_state(self, slug: str, map_index: int, state: State, at: datetime) -> None:
        """Do nothing."""

    def task_name(self, slug: str, map_index: int, name: str) -> None:
        """Do nothing."""

    def flow_state(self, state: State, at: datetime) -> None:
        """Do nothing."""

    def log(self, entry: LogEntry) -> None:
        """Do nothing."""

    def artifact(self, artifact: Artifact) -> None:
        """Do nothing."""

    def flush(self) -> None:
        """Do nothing."""

    def cancel_requested(self) -> bool:
        """Nobody can ask."""
        return False


class MemoryReporter:
    """Keeps everything in lists, for tests and for looking at a run afterwards."""

    def __init__(self) -> None:
        self.task_states: list[tuple[str, int, State, datetime]] = []
        self.flow_states: list[tuple[State, datetime]] = []
        self.task_names: dict[tuple[str, int], str] = {}
        self.logs: list[LogEntry] = []
        self.artifacts: list[Artifact] = []
        self.flushes = 0
        self.cancel = False

    def task_state(self, slug: str, map_index: int, state: State, at: datetime) -> None:
        """Keep it."""
        self.task_states.append((slug, map_index, state, at))

    def task_name(self, slug: str, map_index: int, name: str) -> None:
        """Keep it."""
        self.task_names[slug, map_index] = name

    def flow_state(self, state: State, at: datetime) -> None:
        """Keep it."""
        self.flow_states.append((state, at))

    def log(self, entry: LogEntry) -> None:
        """Keep it."""
        self.logs.append(entry)

    def artifact(self, artifact: Artifact) -> None:
        """Keep it."""
        self.artifacts.append(artifact)

    def flush(self) -> None:
        """Count it."""
        self.flushes += 1

    def cancel_requested(self) -> bool:
        """Whether `cancel` was set."""
        return self.cancel

    def kinds(self, slug: str, map_index: int = -1) -> list[str]:
        """Kinds of the states that one task run went through."""
        return [state.kind for own, index, state, _ in self.task_states if (own, index) == (slug, map_index)]
