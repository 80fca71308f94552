"""Which leases to call in, and how long to sleep: pure decisions on what the graphql service reports.

The service measures leases on the database's clock and holds the reap gate; here nothing is compared with a clock of this machine. A run is
named with the fence that was seen, so an owner that renews, or a new owner, between the look and the reap is never touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

_SHORTEST = 0.05
"""An expiry this close is waited for in one step; asking more often would only ask the same."""


@dataclass(frozen=True)
class Expired:
    """An owned run whose lease has expired.

    Attributes:
        flow_run_id: The run.
        fence: The fence of the lease.
        holder: Who had it, for the log line.
        phase: `launching` or `running`.
        last_beat: When it last gave a sign, if ever.
    """

    flow_run_id: str
    fence: int
    holder: str | None
    phase: str | None
    last_beat: str | None


@dataclass(frozen=True)
class Look:
    """What one query told.

    Attributes:
        expired: Runs to reap, oldest first.
        next_expiry: Seconds until the next lease expires if nobody renews it; None when nothing is owned.
        gate_opens: Seconds until leases count as expired again; None when the gate is open.
        lag: Seconds since the oldest of them expired.
    """

    expired: tuple[Expired, ...]
    next_expiry: float | None
    gate_opens: float | None
    lag: float = 0.0

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any]) -> Look:
        """Read the answer to `expired_leases`."""
        now = datetime.fromisoformat(payload["now"])

        def seconds_until(name: str) -> float | None:
            text = payload.get(name)
            return None if text is None else (datetime.fromisoformat(text) - now).total_seconds()

        gate = seconds_until("gate_closed_until")
        return cls(
            expired=tuple(
                Expired(row["flow_run_id"], row["fence"], row.get("holder"), row.get("phase"), row.get("last_beat"))
                for row in payload["runs"]
            ),
            next_expiry=seconds_until("next_expiry"),
            gate_opens=gate if gate is not None and gate > 0 else None,
            lag=max(((now - datetime.fromisoformat(row["expired_at"])).total_seconds() for row in payload["runs"]), default=0.0),
        )


def to_reap(look: Look, named: frozenset[str]) -> tuple[Expired, ...]:
    """The runs to name now: none twice in one turn, or the turn might not end.

    Args:
        look: The last answer.
        named: Runs that were named earlier in this turn.
    """
    return tuple({run.flow_run_id: run for run in look.expired if run.flow_run_id not in named}.values())


def next_look(look: Look, *, sweep: float) -> timedelta:
    """How long until the next query: at the next expiry, not before the gate opens, and never later than the sweep.

    Args:
        look: The last answer.
        sweep: The longest sleep; a lease that begins meanwhile may expire before those that were known.
    """
    wait = sweep
    if look.next_expiry is not None and look.next_expiry > 0:  # one that has passed stands in `expired` or was refused: no hurry
        wait = min(sweep, look.next_expiry)
    if look.gate_opens is not None:
        wait = min(max(wait, look.gate_opens), sweep)
    return timedelta(seconds=max(wait, _SHORTEST))
