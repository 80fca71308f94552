"""An agent takes due flow runs: matched by labels and run config type in SQL before any LIMIT, locked with SKIP LOCKED, so any number of
equal agents share a queue and each run is taken once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from towpath_graphql.app.batch import Batch
from towpath_graphql.app.caller import Caller
from towpath_graphql.app.ports import Json, Store
from towpath_graphql.app.slots import lock_line
from towpath_graphql.app.storing import flow_run_of
from towpath_graphql.domain.claiming import claim
from towpath_graphql.domain.runs import Reject
from towpath_proto import timers
from towpath_proto.errors import Code, TowpathError

MakeToken = Callable[[UUID, UUID, int], str]
"""(tenant id, flow run id, fence) -> run token."""
MAX_CLAIM = 200


@dataclass(frozen=True, slots=True)
class Claimed:
    """What an agent learns: the runs it has now, and when to come back at the latest."""

    runs: list[dict[str, Any]]
    next_due: datetime | None
    now: datetime


async def claim_flow_runs(
    store: Store,
    caller: Caller,
    make_token: MakeToken,
    *,
    agent_id: UUID,
    labels: Sequence[str] | None,
    run_config_types: Sequence[str],
    limit: int,
    launch_deadline: int,
    children_of: Sequence[UUID] | None = None,
) -> Claimed:
    """Claim up to `limit` due runs for an agent; an agent without room may name runs of its own, and gets one due child of each.

    Raises:
        TowpathError: `NOT_FOUND` for an agent that is not registered, `BAD_REQUEST` for limits out of range.
    """
    parents = sorted(set(children_of or ())) if limit == 0 else []
    if len(parents) > MAX_CLAIM:
        raise TowpathError(Code.BAD_REQUEST, f"children_of may name {MAX_CLAIM} runs at most.")
    if not 0 <= limit <= MAX_CLAIM or launch_deadline < 1:
        raise TowpathError(Code.BAD_REQUEST, f"limit must be 0 to {MAX_CLAIM} and launch_deadline at least one second.")
    async with store.transaction() as tx:
        agent = await tx.one("touch_agent", id=agent_id, tenant_id=caller.scope, types=Json(sorted(run_config_types)), lease=timers.LEASE)
        if agent is None:
            raise TowpathError(Code.NOT_FOUND, f"Agent {agent_id} is not registered; call register_agent first.")
        serves = sorted(set(agent["labels"] if labels is None else labels))
        match = {"tenant_id": agent["tenant_id"], "labels": Json(serves), "types": list(run_config_types)}
        rows = await tx.all("lock_claimable", **match, limit=limit) if limit else []
        if parents:
            rows = await tx.all("lock_claimable_children", **match, parents=parents)
        batch = Batch(tx, map(flow_run_of, rows), [], await tx.now())
        batch.line = await lock_line(tx, flow_runs=batch.flows.values())
        taken = []
        for row in rows:
            decision = claim(batch.flows[row["id"]], holder=agent["name"], launch_seconds=launch_deadline, now=batch.now)
            # a rival may have taken the last slot since the queue was read
            if not isinstance(decision, Reject) and not batch.line.ask((row["id"], None)):
                batch.accept_flow(decision)
                taken.append(row)
        if taken:
            await batch.store(agent_id=agent_id)
        due = await tx.one("next_due", **match)
    runs = [_claimed(row, batch, make_token) for row in taken]
    return Claimed(runs, due["next_due"] if due else None, batch.now)


def _claimed(row: dict[str, Any], batch: Batch, make_token: MakeToken) -> dict[str, Any]:
    run = batch.flows[row["id"]]
    return {
        "id": run.id,
        "name": run.name,
        "flow_id": run.flow_id,
        "flow_name": row["flow_name"],
        "version": run.version,
        "fence": run.fence,
        "run_token": make_token(run.tenant_id, run.id, run.fence),
        "lease_expires_at": run.lease_expires_at,
        "scheduled_start_time": row["scheduled_start_time"],
        "labels": list(run.labels),
        "run_config": row["run_config"],
        "storage": row["storage"],
        "parent_flow_run_id": run.parent_flow_run_id,
        "traceparent": row["trace"],
    }
