"""Resolvers of artifacts.graphql."""

from __future__ import annotations

from typing import Any

from towpath_graphql.app import artifacts as use
from towpath_graphql.resolvers.context import Context, Handler

_DONE = {"success": True}


async def create_task_run_artifact(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002 - the SDL's argument name
    """Add an artifact to a task run."""
    wanted = {k: v for k, v in input.items() if k != "id"}
    return {"id": await use.create_artifact(context.store, context.caller, **wanted, artifact_id=input.get("id"))}


async def update_task_run_artifact(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Replace what an artifact holds."""
    await use.update_artifact(context.store, context.caller, **input)
    return _DONE


async def delete_task_run_artifact(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Delete an artifact."""
    await use.delete_artifact(context.store, context.caller, **input)
    return _DONE


MUTATIONS: dict[str, Handler] = {
    "create_task_run_artifact": create_task_run_artifact,
    "update_task_run_artifact": update_task_run_artifact,
    "delete_task_run_artifact": delete_task_run_artifact,
}
