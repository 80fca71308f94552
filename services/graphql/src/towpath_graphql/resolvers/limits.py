"""Resolvers of limits.graphql."""

from __future__ import annotations

from typing import Any

from towpath_graphql.app import limits
from towpath_graphql.domain.slots import FLOW_LABEL, TASK_TAG
from towpath_graphql.resolvers.context import Context, Handler
from towpath_graphql.resolvers.native import objects


async def update_task_tag_limit(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002 - the SDL's argument name
    """Make or change a limit on a tag."""
    return {"id": await limits.set_limit(context.store, context.caller, TASK_TAG, name=input["tag"], size=input["limit"])}


async def delete_task_tag_limit(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Lift a limit on a tag."""
    await limits.delete_limit(context.store, context.caller, TASK_TAG, input["limit_id"])
    return {"success": True}


async def update_flow_concurrency_limit(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Make or change a limit on a label."""
    return {"id": await limits.set_limit(context.store, context.caller, FLOW_LABEL, name=input["label"], size=input["limit"])}


async def delete_flow_concurrency_limit(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Lift a limit on a label."""
    await limits.delete_limit(context.store, context.caller, FLOW_LABEL, input["limit_id"])
    return {"success": True}


async def request_slots(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Ask for slots before tasks run."""
    wanted = {**input, "tasks": objects(input["tasks"], "tasks")}
    return await limits.request_slots(context.store, context.caller, **wanted)


MUTATIONS: dict[str, Handler] = {
    "update_task_tag_limit": update_task_tag_limit,
    "delete_task_tag_limit": delete_task_tag_limit,
    "update_flow_concurrency_limit": update_flow_concurrency_limit,
    "delete_flow_concurrency_limit": delete_flow_concurrency_limit,
    "request_slots": request_slots,
}
