"""Runs as the decisions see them, proposals to change them, and what a decision answers.

All values are frozen. An accepted proposal carries the run as it will be, the history row to append and the effects to carry out in the
same transaction; a refused one carries a code and its story, so that a person can see why without reading the database.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from towpath_proto.errors import Code

StateJson = dict[str, Any]


class Origin(StrEnum):
    """Who proposes."""

    ENGINE = "engine"
    """The run's own process; carries the fence."""
    SUPERVISOR = "supervisor"
    """The supervisor of the run's process; carries the fence."""
    CLIENT = "client"
    """A Prefect 1 client or a person: knows no fence; guarded by version and state."""
    SERVICE = "service"
    """This service itself: claims, reaping, lazarus."""


class Phase(StrEnum):
    """Where an owned run stands."""

    LAUNCHING = "launching"
    RUNNING = "running"


@dataclass(frozen=True, slots=True)
class FlowRun:
    """A flow run's row, as far as decisions need it.

    Attributes:
        due_at: Offered: may be claimed from then on.
        waiting_for: Waiting: the named condition.
        phase, lease_holder, lease_expires_at, lease_seconds: Owned.
        fence: Grows with each claim and whenever a lease is taken away.
        parent_flow_run_id: The run that created it.
        lives: Times this attempt was put back into the queue after its process was lost.
        heartbeat_enabled, lazarus_enabled: Settings of its flow's group.
        holds_slots: Whether it, or a task run of it, may hold a slot of a concurrency limit, or wait for one.
        label_limits: Whether there are limits on its labels.
        tag_limits: Whether its tenant has limits on tags.
    """

    id: UUID
    tenant_id: UUID
    flow_id: UUID
    flow_group_id: UUID
    name: str
    state: str
    version: int
    attempt: int
    serialized_state: StateJson
    fence: int = 0
    lives: int = 0
    start_time: datetime | None = None
    end_time: datetime | None = None
    due_at: datetime | None = None
    waiting_for: str | None = None
    phase: str | None = None
    lease_holder: str | None = None
    lease_expires_at: datetime | None = None
    lease_seconds: float | None = None
    launch_deadline: datetime | None = None
    labels: tuple[str, ...] = ()
    run_config_type: str = "UniversalRun"
    auto_scheduled: bool = False
    engine_sequence: int = 0
    supervisor_sequence: int = 0
    state_timestamp: datetime | None = None
    parent_flow_run_id: UUID | None = None
    holds_slots: bool = False
    label_limits: bool = False
    tag_limits: bool = False
    heartbeat_enabled: bool = True
    lazarus_enabled: bool = True

    def owned_at(self, now: datetime) -> bool:
        """Whether somebody's lease on it is alive, or must be believed to be."""
        return self.lease_expires_at is not None and (self.lease_expires_at > now or not self.watched)

    @property
    def watched(self) -> bool:
        """Whether an owner that falls silent is taken for lost.

        Not where the settings of its flow say that its process does not beat, and not while a Prefect 1 process is slow to begin where they
        say that nobody is to begin it again. A run that is being cancelled must end, and a launch with a deadline is an agent's promise.
        """
        if self.state == "Cancelling" or self.launch_deadline is not None:
            return True
        return self.heartbeat_enabled and (self.lazarus_enabled or self.phase != Phase.LAUNCHING)

    @property
    def brought_back(self) -> bool:
        """Whether it is offered again when its process is lost: one that had not begun always, else as its flow's settings say."""
        return self.phase == Phase.LAUNCHING or (self.heartbeat_enabled and self.lazarus_enabled)

    def stopped_as(self, now: datetime) -> str:
        """The state that a wish to stop it leads to: Cancelling while there is a process to be stopped, else Cancelled."""
        has_process = self.state == "Running" or (self.state == "Submitted" and self.phase is not None)
        return "Cancelling" if has_process and self.owned_at(now) else "Cancelled"


@dataclass(frozen=True, slots=True)
class TaskRun:
    """A task run's row, as far as decisions need it.

    Attributes:
        version: 0 with state Pending for a row that is about to be made.
        stored: False when the row does not exist yet (a mapped child in its first report).
    """

    id: UUID
    tenant_id: UUID
    flow_run_id: UUID
    task_id: UUID
    slug: str
    map_index: int
    state: str
    version: int
    attempt: int
    serialized_state: StateJson
    max_retries: int = 0
    retry_delay: float = 0.0
    start_time: datetime | None = None
    end_time: datetime | None = None
    cache_key: str | None = None
    state_timestamp: datetime | None = None
    stored: bool = True


@dataclass(frozen=True, slots=True)
class Proposal:
    """A wish to move one run to a state.

    Attributes:
        state: The state's JSON as received, already checked by `state_json.read`.
        origin: Who asks.
        version: The version the proposer has seen; None to not care.
        fence: The proposer's fence; None for those who know none.
        actor: For the history: who, in words.
        lease_seconds: Length of the lease to grant when the move takes ownership (Prefect 1's Submitted and Running).
        at: When it happened by the proposer's clock, for start and end times; leases never depend on it.
        waits: For Queued: the proposer stays and asks again, so the run is its own while it waits.
    """

    state: StateJson
    origin: Origin
    version: int | None = None
    fence: int | None = None
    actor: str | None = None
    lease_seconds: float | None = None
    at: datetime | None = None
    waits: bool = False

    @property
    def kind(self) -> str:
        """The proposed state's type."""
        kind: str = self.state["type"]
        return kind


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One row of flow_run_state or task_run_state. `timestamp` is the writer's clock where it gave one, else the database's."""

    run_id: UUID
    tenant_id: UUID
    state: str
    version: int
    attempt: int
    timestamp: datetime
    serialized_state: StateJson
    fence: int | None
    actor: str | None


@dataclass(frozen=True, slots=True)
class Event:
    """An event for the outbox; see towpath_proto.subjects."""

    type: str
    tenant_id: UUID
    entity_id: UUID
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class AcceptFlow:
    """A flow run's move is legal. `history` is None when nothing changes (a replay)."""

    run: FlowRun
    history: HistoryRow | None
    events: tuple[Event, ...] = ()
    cancel_tasks: bool = False


@dataclass(frozen=True, slots=True)
class AcceptTask:
    """A task run's move is legal. `history` is None when nothing changes (a replay)."""

    run: TaskRun
    history: HistoryRow | None


@dataclass(frozen=True, slots=True)
class Reject:
    """A move is refused.

    Attributes:
        code: Stable code.
        message: One sentence for a person.
        story: Run id, from, to, versions, fences: what was compared.
    """

    code: Code
    message: str
    story: dict[str, Any] = field(default_factory=dict)
