"""Resolvers of base.graphql and tenants.graphql."""

from __future__ import annotations

from typing import Any

from towpath_graphql.app import tenants
from towpath_graphql.app.caller import ADMIN
from towpath_graphql.resolvers.context import Context, Handler
from towpath_proto import __version__, signing, states


async def hello(_: Context) -> str:
    """A greeting."""
    return "The towpath is open."


async def api(_: Context) -> dict[str, Any]:
    """What this server is; Prefect 1's clients know the backend SERVER."""
    return {"backend": "SERVER", "mode": "normal", "version": __version__, "core_version": "1.4.1", "release_timestamp": None}


async def reference_data(_: Context) -> dict[str, Any]:
    """States and moves, from the one table."""
    return {
        "state_hierarchy": states.hierarchy(),
        "state_info": {
            k.name: {"color": k.color, "final": k.final, "parent": k.parent, "meaning": k.meaning} for k in states.KINDS.values()
        },
        "state_moves": {
            "flow_run": [[a, b, str(m)] for (a, b), m in states.FLOW_EDGES.items()],
            "task_run": [[a, b, str(m)] for (a, b), m in states.TASK_EDGES.items()],
        },
    }


async def auth_info(context: Context) -> dict[str, Any]:
    """Who the caller is; a local admin who has chosen no tenant is in the default one."""
    caller = context.caller
    tenant_id = caller.tenant_id
    if tenant_id is None and caller.role == ADMIN:
        tenant_id = await tenants.ensure_default_tenant(context.store)
    user_id = await tenants.user_of_key(context.store, caller)
    return {"tenant_id": tenant_id, "user_id": user_id, "role": caller.role, "actor": caller.actor}


async def api_keys(context: Context) -> list[dict[str, Any]]:
    """The tenant's keys without the keys."""
    return await tenants.list_api_keys(context.store, context.caller)


async def verify_api_key(context: Context, key_hash: str) -> dict[str, Any] | None:
    """Whose key this is."""
    return await tenants.verify_api_key(context.store, key_hash)


async def create_tenant(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002 - the SDL's argument name
    """Make a tenant."""
    return {"id": await tenants.create_tenant(context.store, context.caller, **input)}


async def create_project(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Make a project."""
    wanted = {"tenant_id": None, "description": None} | input
    return {"id": await tenants.create_project(context.store, context.caller, **wanted)}


async def delete_project(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Delete a project."""
    await tenants.delete_project(context.store, context.caller, **input)
    return {"success": True}


async def create_api_key(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Make an API key."""
    wanted = {"tenant_id": None, "user_id": None, "expires_at": None} | input
    key_id, key = await tenants.create_api_key(context.store, context.caller, context.make_api_key, context.hash_api_key, **wanted)
    return {"id": key_id, "key": key}


async def delete_api_key(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Delete an API key."""
    await tenants.delete_api_key(context.store, context.caller, **input)
    return {"success": True}


async def add_signing_key(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Make the public half of a signing key known."""
    wanted = {"name": None} | input
    await tenants.add_signing_key(context.store, context.caller, key_id_of=signing.key_id, **wanted)
    return {"success": True}


QUERIES: dict[str, Handler] = {
    "hello": hello,
    "api": api,
    "reference_data": reference_data,
    "auth_info": auth_info,
    "api_keys": api_keys,
    "auth_api_key": api_keys,
    "verify_api_key": verify_api_key,
}
MUTATIONS: dict[str, Handler] = {
    "create_tenant": create_tenant,
    "create_project": create_project,
    "delete_project": delete_project,
    "create_api_key": create_api_key,
    "delete_api_key": delete_api_key,
    "add_signing_key": add_signing_key,
}
