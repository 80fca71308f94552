"""Resolvers of hooks.graphql."""

from __future__ import annotations

from typing import Any

from towpath_graphql.app import hooks as use
from towpath_graphql.resolvers.context import Context, Handler

_DONE = {"success": True}


async def create_cloud_hook(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002 - the SDL's argument name
    """Make a hook."""
    hook_id, secret = await use.create_hook(context.store, context.caller, context.cipher, **input)
    return {"id": hook_id, "secret": secret}


async def delete_cloud_hook(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Delete a hook."""
    await use.delete_hook(context.store, context.caller, input["cloud_hook_id"])
    return _DONE


async def set_cloud_hook_active(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Switch a hook on."""
    await use.set_hook_active(context.store, context.caller, input["cloud_hook_id"], active=True)
    return _DONE


async def set_cloud_hook_inactive(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Switch a hook off."""
    await use.set_hook_active(context.store, context.caller, input["cloud_hook_id"], active=False)
    return _DONE


async def test_cloud_hook(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Try a hook."""
    error = await use.try_hook(
        context.store,
        context.caller,
        context.cipher,
        context.told,
        input["cloud_hook_id"],
        flow_run_id=input.get("flow_run_id"),
        state_type=input.get("state_type") or "SUCCESS",
    )
    return {"success": error is None, "error": error}


async def mark_message_as_read(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Note that a message was read."""
    await use.mark_message(context.store, context.caller, input["message_id"], read=True)
    return _DONE


async def mark_message_as_unread(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Note that a message was not read."""
    await use.mark_message(context.store, context.caller, input["message_id"], read=False)
    return _DONE


async def delete_message(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Delete a message."""
    await use.delete_message(context.store, context.caller, input["message_id"])
    return _DONE


MUTATIONS: dict[str, Handler] = {
    "create_cloud_hook": create_cloud_hook,
    "delete_cloud_hook": delete_cloud_hook,
    "set_cloud_hook_active": set_cloud_hook_active,
    "set_cloud_hook_inactive": set_cloud_hook_inactive,
    "test_cloud_hook": test_cloud_hook,
    "mark_message_as_read": mark_message_as_read,
    "mark_message_as_unread": mark_message_as_unread,
    "delete_message": delete_message,
}
