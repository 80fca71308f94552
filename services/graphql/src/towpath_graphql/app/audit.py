"""The audit trail: who changed what, in the transaction of the change. Rows are only ever added."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from towpath_graphql.app.caller import Caller
from towpath_graphql.app.ports import Json, Transaction
from towpath_proto.ids import uuid7


async def note(tx: Transaction, caller: Caller, action: str, entity: str, entity_id: UUID | None, **detail: Any) -> None:
    """Add a line to the audit trail. `detail` must hold nothing secret."""
    await tx.run(
        "insert_audit",
        id=uuid7(),
        tenant_id=caller.tenant_id,
        actor=caller.actor,
        role=caller.role,
        action=action,
        entity=entity,
        entity_id=entity_id,
        detail=Json(detail),
    )
