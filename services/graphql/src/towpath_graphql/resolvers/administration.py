"""Resolvers of administration.graphql."""

from __future__ import annotations

from typing import Any

from towpath_graphql.app import administration as use
from towpath_graphql.resolvers.context import Context, Handler

_DONE = {"success": True}


async def delete_tenant(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002 - the SDL's argument name
    """Delete a tenant."""
    await use.delete_tenant(context.store, context.caller, **input)
    return _DONE


async def update_tenant(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Change a tenant: its name, its slug or its settings, whichever the input has."""
    return {"id": await use.update_tenant(context.store, context.caller, **input)}


async def set_project_name(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Rename a project."""
    return {"id": await use.set_project_name(context.store, context.caller, **input)}


async def set_project_description(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Describe a project."""
    wanted = {"description": None} | input
    return {"id": await use.set_project_description(context.store, context.caller, **wanted)}


async def create_agent_config(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Keep settings for agents."""
    wanted = {"tenant_id": None, "name": None, "settings": None} | input
    return {"id": await use.create_agent_config(context.store, context.caller, **wanted)}


async def update_agent_config(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Change settings for agents."""
    await use.update_agent_config(context.store, context.caller, **input)
    return _DONE


async def delete_agent_config(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Delete settings for agents."""
    await use.delete_agent_config(context.store, context.caller, **input)
    return _DONE


MUTATIONS: dict[str, Handler] = {
    "delete_tenant": delete_tenant,
    "update_tenant_name": update_tenant,
    "update_tenant_slug": update_tenant,
    "update_tenant_settings": update_tenant,
    "set_project_name": set_project_name,
    "set_project_description": set_project_description,
    "create_agent_config": create_agent_config,
    "update_agent_config": update_agent_config,
    "delete_agent_config": delete_agent_config,
}
