"""Subscriptions that hand hints on: the events of flow runs and task runs, and the doorbell of agents."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any
from uuid import UUID

from towpath_gateway.subscriptions.hints import Hint, Hints

FLOW_RUN_EVENTS = frozenset({"flow_run.created", "flow_run.offered", "flow_run.state", "flow_run.cancel"})
TASK_RUN_EVENTS = frozenset({"task_run.states"})
WORK_EVENTS = frozenset({"flow_run.offered", "flow_run.created", "flow_run.cancel"})
_LONG = 3_600.0
_MAYBE = {"reason": "offered"}


async def flow_run_events(hints: Hints, tenant: UUID | None, flow_run: UUID | None) -> AsyncGenerator[dict[str, Any], None]:
    """What happens to one flow run, or to all of a tenant."""
    async with hints.listen(tenant, flow_run, FLOW_RUN_EVENTS) as listener:
        while True:
            await listener.wait(_LONG)
            arrived, missed = listener.take()
            if missed:
                yield {"type": "missed"}
            for hint in arrived:
                yield {**hint.data, **_envelope(hint), "tenant_id": str(hint.tenant), "flow_run_id": str(hint.entity)}


async def task_run_events(hints: Hints, tenant: UUID | None, flow_run: UUID) -> AsyncGenerator[dict[str, Any], None]:
    """What happens to the task runs of a flow run."""
    async with hints.listen(tenant, flow_run, TASK_RUN_EVENTS) as listener:
        while True:
            await listener.wait(_LONG)
            arrived, missed = listener.take()
            if missed:
                yield {"type": "missed", "flow_run_id": str(flow_run), "changes": [], "count": 0}
            for hint in arrived:
                yield {"changes": [], "count": 0, **hint.data, **_envelope(hint), "flow_run_id": str(flow_run)}


async def agent_work(hints: Hints, tenant: UUID | None) -> AsyncGenerator[dict[str, Any], None]:
    """Hints for an agent of a tenant; the first at once."""
    async with hints.listen(tenant, None, WORK_EVENTS) as listener:
        yield _MAYBE
        while True:
            await listener.wait(_LONG)
            arrived, missed = listener.take()
            if missed:
                yield _MAYBE
            for hint in arrived:
                yield {
                    **hint.data,
                    "flow_run_id": str(hint.entity),
                    "reason": hint.type.rpartition(".")[2],
                    "traceparent": hint.traceparent,
                }


def _envelope(hint: Hint) -> dict[str, Any]:
    return {"event_id": hint.event_id, "type": hint.type, "occurred_at": hint.occurred_at, "traceparent": hint.traceparent}
