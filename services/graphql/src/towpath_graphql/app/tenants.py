"""Tenants, projects and API keys."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from towpath_graphql.app.audit import note
from towpath_graphql.app.caller import Caller
from towpath_graphql.app.ports import Row, Store
from towpath_graphql.app.register_flow import DEFAULT_PROJECT, decode64, delete_history
from towpath_proto.errors import Code, TowpathError
from towpath_proto.ids import uuid7

KEY_ROLES = ("admin", "operator", "viewer", "agent")


def slugify(text: str) -> str:
    """Lower-case ASCII words joined by hyphens."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", ascii_text).strip("-")


async def ensure_default_tenant(store: Store) -> UUID:
    """The default tenant, with its default project; both are made at the first start."""
    async with store.transaction() as tx:
        found = await tx.one("default_tenant")
        if found is None:
            await tx.run("insert_tenant", id=uuid7(), name="Default", slug="default")
            found = await tx.one("default_tenant")
            assert found is not None
            await tx.run("insert_project", id=uuid7(), tenant_id=found["id"], name=DEFAULT_PROJECT, description="Made at the first start.")
        tenant_id: UUID = found["id"]
        return tenant_id


def check_slug(slug: str) -> None:
    """Refuse a tenant's slug that is not its own slugified form.

    Raises:
        TowpathError: `BAD_REQUEST`.
    """
    if not slug or slugify(slug) != slug:
        raise TowpathError(
            Code.BAD_REQUEST, f"A tenant's slug is lower-case words joined by hyphens, such as '{slugify(slug) or 'my-team'}'."
        )


async def create_tenant(store: Store, caller: Caller, *, name: str, slug: str) -> UUID:
    """Make a tenant; its slug must be free and equal its slugified form."""
    check_slug(slug)
    async with store.transaction() as tx:
        row = await tx.one("insert_tenant", id=uuid7(), name=name, slug=slug)
        if row is None:
            raise TowpathError(Code.UNIQUENESS_VIOLATION, "Uniqueness violation.", slug=slug)
        await tx.run("insert_project", id=uuid7(), tenant_id=row["id"], name=DEFAULT_PROJECT, description=None)
        await note(tx, caller, "create_tenant", "tenant", row["id"], slug=slug)
        tenant_id: UUID = row["id"]
        return tenant_id


async def create_project(store: Store, caller: Caller, *, tenant_id: UUID | None, name: str, description: str | None) -> UUID:
    """Make a project; its name must be free in the tenant."""
    if not name.strip():
        raise TowpathError(Code.BAD_REQUEST, "A project needs a name.")
    async with store.transaction() as tx:
        row = await tx.one("insert_project", id=uuid7(), tenant_id=caller.tenant(tenant_id), name=name, description=description)
        if row is None:
            # Prefect 1's client looks for these very words, quotes included, in the text of the errors list
            raise TowpathError(Code.UNIQUENESS_VIOLATION, "Uniqueness violation.", project=name)
        await note(tx, caller, "create_project", "project", row["id"], name=name)
        project_id: UUID = row["id"]
        return project_id


async def delete_project(store: Store, caller: Caller, project_id: UUID) -> None:
    """Delete a project with its flows and their runs."""
    async with store.transaction() as tx:
        await delete_history(tx, [r["id"] for r in await tx.all("project_flows", id=project_id, tenant_id=caller.scope)])
        if await tx.one("delete_project", id=project_id, tenant_id=caller.scope) is None:
            raise TowpathError(Code.NOT_FOUND, f"There is no project {project_id}.")
        await note(tx, caller, "delete_project", "project", project_id)


async def create_api_key(
    store: Store,
    caller: Caller,
    make_key: Callable[[], str],
    hash_key: Callable[[str], str],
    *,
    name: str,
    role: str,
    tenant_id: UUID | None,
    user_id: UUID | None,
    expires_at: datetime | None,
) -> tuple[UUID, str]:
    """Make an API key; (its id, the key). Only its hash is stored."""
    if role not in KEY_ROLES:
        raise TowpathError(Code.BAD_REQUEST, f"A key's role is one of {', '.join(KEY_ROLES)}, not {role!r}.")
    key = make_key()
    async with store.transaction() as tx:
        row = await tx.one(
            "insert_api_key",
            id=uuid7(),
            tenant_id=caller.tenant(tenant_id),
            name=name,
            key_hash=hash_key(key),
            role=role,
            user_id=user_id,
            expires_at=expires_at,
        )
        if row is None:
            raise TowpathError(Code.UNIQUENESS_VIOLATION, f"There is a key named '{name}' already; choose another name or delete that key.")
        await note(tx, caller, "create_api_key", "api_key", row["id"], name=name, role=role)
        return row["id"], key


async def put_api_key(store: Store, caller: Caller, *, name: str, role: str, key_hash: str) -> bool:
    """Have the key of this name be the one with this hash; whether that changed anything."""
    async with store.transaction() as tx:
        row = await tx.one("put_api_key", id=uuid7(), tenant_id=caller.scope, name=name, key_hash=key_hash, role=role)
        if row is None:
            return False
        await note(tx, caller, "create_api_key", "api_key", row["id"], name=name, role=role)
        return True


async def delete_api_key(store: Store, caller: Caller, key_id: UUID) -> None:
    """Delete an API key: it stops working at once here, and within the gateway's cache time there."""
    async with store.transaction() as tx:
        if await tx.one("delete_api_key", id=key_id, tenant_id=caller.scope) is None:
            raise TowpathError(Code.NOT_FOUND, f"There is no API key {key_id}.")
        await note(tx, caller, "delete_api_key", "api_key", key_id)


async def list_api_keys(store: Store, caller: Caller) -> list[Row]:
    """The keys of the caller's tenant, without the keys themselves."""
    async with store.transaction() as tx:
        return await tx.all("list_api_keys", tenant_id=caller.tenant())


async def user_of_key(store: Store, caller: Caller) -> UUID | None:
    """Whom the caller's key was made for, else the key's own id: there are no users here. None for callers without a key."""
    if caller.role not in KEY_ROLES or caller.tenant_id is None:
        return None
    async with store.transaction() as tx:
        row = await tx.one("user_of_api_key", tenant_id=caller.tenant_id, name=caller.actor)
    return None if row is None else row["user_id"]


async def verify_api_key(store: Store, key_hash: str) -> dict[str, Any] | None:
    """Whose key this is; None for an unknown or expired one."""
    async with store.transaction() as tx:
        row = await tx.one("verify_api_key", key_hash=key_hash)
    return None if row is None else {"tenant_id": row["tenant_id"], "role": row["role"], "actor": row["name"]}


async def add_signing_key(store: Store, caller: Caller, *, public_key: str, name: str | None, key_id_of: Callable[[bytes], str]) -> None:
    """Keep the public half of a signing key, so that people can look it up before they trust it."""
    raw = decode64(public_key, "public_key")
    if len(raw) != 32:
        raise TowpathError(Code.BAD_REQUEST, "public_key must be a raw Ed25519 public key: 32 bytes, base64.")
    async with store.transaction() as tx:
        await tx.run("insert_signing_key", tenant_id=caller.tenant(), key_id=key_id_of(raw), name=name, public_key=raw)
