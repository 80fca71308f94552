"""Resolvers of flows.graphql."""

from __future__ import annotations

import base64
import binascii
import zlib
from typing import Any
from uuid import UUID

import orjson
from graphql import GraphQLError

from towpath_graphql.app import own_runs, schedules
from towpath_graphql.app import register_flow as use
from towpath_graphql.resolvers.context import Context, Handler
from towpath_graphql.resolvers.scalars import base64_text, checked_depth
from towpath_proto.errors import Code, TowpathError

MAX_FLOW_BYTES = 64_000_000
"""Largest serialised flow after decompression: a small body must not fill the memory."""


async def flow_code(context: Context, flow_id: UUID) -> dict[str, Any] | None:
    """The signed code of a flow."""
    code = await own_runs.flow_code(context.store, context.caller, flow_id)
    return None if code is None else as_text(code)


def as_text(code: dict[str, Any]) -> dict[str, Any]:
    """Bytes of a code answer as base64."""
    return {**code, **{k: base64_text(code[k]) for k in ("blob", "signature", "public_key")}}


async def create_flow(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002 - the SDL's argument name
    """Register a flow the Prefect 1 way."""
    return await _create(context, input, input["serialized_flow"])


async def create_flow_from_compressed_string(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """The same with the flow as base64(gzip(JSON))."""
    return await _create(context, input, decompress(input["serialized_flow"]))


async def _create(context: Context, given: dict[str, Any], flow: Any) -> dict[str, Any]:
    registered = await use.create_flow(
        context.store,
        context.caller,
        project_id=given["project_id"],
        flow=flow,
        version_group_id=given.get("version_group_id"),
        set_schedule_active=bool(given.get("set_schedule_active")),
        description=given.get("description"),
        idempotency_key=given.get("idempotency_key"),
    )
    return {"id": registered.flow_id}


def decompress(text: str) -> Any:
    """JSON from base64(gzip(JSON text)).

    Raises:
        TowpathError: `BAD_FLOW` when it is anything else or larger than `MAX_FLOW_BYTES`.
    """
    try:
        inflate = zlib.decompressobj(wbits=31)
        raw = inflate.decompress(base64.b64decode(text, validate=True), MAX_FLOW_BYTES)
        if inflate.unconsumed_tail:
            raise TowpathError(Code.PAYLOAD_TOO_LARGE, f"The serialised flow is larger than {MAX_FLOW_BYTES:,} bytes.")
        return checked_depth(orjson.loads(raw))  # orjson refuses what could not be stored: lone surrogates, bottomless nesting
    except (binascii.Error, zlib.error, ValueError, GraphQLError):
        raise TowpathError(Code.BAD_FLOW, "serialized_flow must be base64(gzip(JSON text)).") from None


async def register_tasks(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Add tasks."""
    await use.register_tasks(context.store, context.caller, input["flow_id"], input["serialized_tasks"])
    return {"success": True}


async def register_edges(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Add edges."""
    await use.register_edges(context.store, context.caller, input["flow_id"], input["serialized_edges"])
    return {"success": True}


async def archive_flow(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Archive a version."""
    await use.archive_flow(context.store, context.caller, input["flow_id"])
    return {"success": True}


async def delete_flow(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Delete a version."""
    await use.delete_flow(context.store, context.caller, input["flow_id"])
    return {"success": True}


async def set_schedule_active(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Switch a schedule on."""
    return {"success": await schedules.set_schedule(context.store, context.caller, input["flow_id"], active=True)}


async def set_schedule_inactive(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Switch a schedule off."""
    return {"success": await schedules.set_schedule(context.store, context.caller, input["flow_id"], active=False)}


async def register_flow(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Register a flow the native way."""
    code = use.decode_code(input.get("code"), input.get("code_hash"), input.get("signature"), input.get("key_id"), input.get("code_info"))
    registered = await use.register_flow(
        context.store,
        context.caller,
        project_name=input.get("project_name"),
        flow=input["serialized_flow"],
        code=code,
        version_group_id=input.get("version_group_id"),
        set_schedule_active=bool(input.get("set_schedule_active")),
        idempotency_key=input.get("idempotency_key"),
    )
    return {
        "flow_id": registered.flow_id,
        "flow_group_id": registered.flow_group_id,
        "version": registered.version,
        "created": registered.created,
    }


QUERIES: dict[str, Handler] = {"flow_code": flow_code}
MUTATIONS: dict[str, Handler] = {
    "create_flow": create_flow,
    "create_flow_from_compressed_string": create_flow_from_compressed_string,
    "register_tasks": register_tasks,
    "register_edges": register_edges,
    "archive_flow": archive_flow,
    "delete_flow": delete_flow,
    "set_schedule_active": set_schedule_active,
    "set_schedule_inactive": set_schedule_inactive,
    "register_flow": register_flow,
}
