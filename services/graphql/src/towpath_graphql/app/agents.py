"""Agents: registration, and the queue as Prefect 1's agents ask for it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from towpath_graphql.app.caller import Caller
from towpath_graphql.app.ports import Json, Store
from towpath_graphql.domain.runs import Event
from towpath_proto.errors import Code, TowpathError
from towpath_proto.ids import uuid7

QUEUE_LIMIT = 75
"""Runs handed to one poll of a Prefect 1 agent."""


async def register_agent(
    store: Store,
    caller: Caller,
    *,
    tenant_id: UUID | None,
    agent_config_id: UUID | None,
    kind: str,
    name: str | None,
    labels: Sequence[str] | None,
    address: str | None,
) -> UUID:
    """Register an agent; the same (name, type, version, labels) gives the same id."""
    async with store.transaction() as tx:
        tenant = caller.tenant(tenant_id)
        if agent_config_id is not None and await tx.one("lock_agent_config", id=agent_config_id, tenant_id=tenant) is None:
            raise TowpathError(Code.NOT_FOUND, f"There is no agent config {agent_config_id}.")
        row = await tx.one(
            "upsert_agent",
            id=uuid7(),
            tenant_id=tenant,
            agent_config_id=agent_config_id,
            name=name or "agent",
            type=kind,
            core_version=caller.core_version or "",
            labels=Json(sorted(set(labels or []))),
            address=address,
        )
        assert row is not None
        if row["created"]:
            tx.publish([Event("agent.registered", tenant, row["id"], {"agent_id": str(row["id"]), "name": name or "agent", "type": kind})])
        agent_id: UUID = row["id"]
        return agent_id


async def delete_agent(store: Store, caller: Caller, agent_id: UUID) -> None:
    """Forget an agent."""
    async with store.transaction() as tx:
        if await tx.one("delete_agent", id=agent_id, tenant_id=caller.scope) is None:
            raise TowpathError(Code.NOT_FOUND, f"There is no agent {agent_id}.")


async def runs_in_queue(
    store: Store, caller: Caller, *, tenant_id: UUID | None, before: datetime | None, labels: Sequence[str] | None
) -> list[UUID]:
    """Ids of due runs of Prefect 1 flows for these labels, oldest first; nothing is claimed."""
    async with store.statements() as tx:
        rows = await tx.all(
            "queued_flow_runs",
            agent_id=caller.agent_id,
            agent_tenant_id=caller.scope,
            tenant_id=caller.tenant(tenant_id),
            before=before,
            labels=Json(sorted(set(labels or []))),
            limit=QUEUE_LIMIT,
        )
    return [r["id"] for r in rows]
