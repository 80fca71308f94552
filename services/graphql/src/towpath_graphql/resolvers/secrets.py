"""Resolvers of secrets.graphql."""

from __future__ import annotations

from typing import Any

from towpath_graphql.app import key_values, secrets
from towpath_graphql.resolvers.context import Context, Handler


async def secret_value(context: Context, name: str) -> Any:
    """A secret."""
    return await secrets.secret_value(context.store, context.caller, context.cipher, name)


async def secret_names(context: Context) -> list[str]:
    """Which secrets there are."""
    return await secrets.secret_names(context.store, context.caller)


async def set_secret(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002 - the SDL's argument name
    """Keep a secret."""
    await secrets.set_secret(context.store, context.caller, context.cipher, **input)
    return {"success": True}


async def delete_secret(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Delete a secret."""
    await secrets.delete_secret(context.store, context.caller, **input)
    return {"success": True}


async def set_key_value(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Keep a value."""
    return {"id": await key_values.set_key_value(context.store, context.caller, **input)}


async def delete_key_value(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Delete a value."""
    await key_values.delete_key_value(context.store, context.caller, **input)
    return {"success": True}


QUERIES: dict[str, Handler] = {"secret_value": secret_value, "secret_names": secret_names}
MUTATIONS: dict[str, Handler] = {
    "set_secret": set_secret,
    "delete_secret": delete_secret,
    "set_key_value": set_key_value,
    "delete_key_value": delete_key_value,
}
