"""What people change about tenants, projects and agents' settings. The same change twice is one change."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

from towpath_graphql.app.audit import note
from towpath_graphql.app.caller import Caller
from towpath_graphql.app.ports import Json, Row, Store, Transaction
from towpath_graphql.app.register_flow import delete_history
from towpath_graphql.app.tenants import check_slug
from towpath_proto.errors import Code, TowpathError
from towpath_proto.ids import uuid7


def _named(name: str, what: str) -> None:
    if not name.strip():
        raise TowpathError(Code.BAD_REQUEST, f"A {what} needs a name.")


def _object(settings: Any) -> dict[str, Any]:
    if not isinstance(settings, dict):
        raise TowpathError(Code.BAD_REQUEST, f"settings must be a JSON object, not a {type(settings).__name__}.")
    return settings


# ----------------------------------------------------------------------------------------------------------------------- tenants


async def _own(tx: Transaction, caller: Caller, tenant_id: UUID) -> None:
    """An identity changes its own tenant only; of any other it does not learn whether it exists."""
    if caller.tenant_id != tenant_id or await tx.one("lock_tenant", tenant_id=tenant_id) is None:
        raise TowpathError(Code.NOT_FOUND, f"There is no tenant {tenant_id}.")


async def update_tenant(
    store: Store, caller: Caller, tenant_id: UUID, *, name: str | None = None, slug: str | None = None, settings: Any = None
) -> UUID:
    """Change a tenant's name or slug, or set some of its settings.

    Raises:
        TowpathError: `NOT_FOUND`; `BAD_REQUEST` for an empty name, a slug that is none or settings that are no object;
            `UNIQUENESS_VIOLATION` for a slug that another tenant has.
    """
    if name is not None:
        _named(name, "tenant")
    if slug is not None:
        check_slug(slug)
    merged = _object({} if settings is None else settings)
    async with store.transaction() as tx:
        await _own(tx, caller, tenant_id)
        await tx.run("update_tenant", tenant_id=tenant_id, name=name, slug=slug, settings=Json(merged))
        what = "name" if name is not None else "slug" if slug is not None else "settings"
        await note(tx, caller, f"update_tenant_{what}", "tenant", tenant_id)
    return tenant_id


async def delete_tenant(store: Store, caller: Caller, tenant_id: UUID, *, confirm: bool) -> None:
    """Delete a tenant with everything in it.

    Raises:
        TowpathError: `NOT_FOUND`; `BAD_REQUEST` without `confirm`, and for the last tenant.
    """
    if not confirm:
        raise TowpathError(Code.BAD_REQUEST, "This deletes a tenant with all its flows and runs; say confirm: true if you mean it.")
    async with store.transaction() as tx:
        await _own(tx, caller, tenant_id)
        if await tx.one("another_tenant", tenant_id=tenant_id) is None:
            raise TowpathError(Code.BAD_REQUEST, "This is the only tenant, and there must be one; make another one first.")
        await delete_history(tx, [r["id"] for r in await tx.all("flows_of_tenant", tenant_id=tenant_id)])
        await tx.run("delete_events_of_tenant", tenant_id=tenant_id)
        await tx.run("delete_tenant", tenant_id=tenant_id)
        await note(tx, replace(caller, tenant_id=None), "delete_tenant", "tenant", tenant_id)  # its own audit trail goes with it


# ---------------------------------------------------------------------------------------------------------------------- projects


async def set_project_name(store: Store, caller: Caller, project_id: UUID, name: str) -> UUID:
    """Give a project another name.

    Raises:
        TowpathError: `NOT_FOUND`; `BAD_REQUEST` for an empty name; `UNIQUENESS_VIOLATION` for one that another project of the tenant has.
    """
    _named(name, "project")
    async with store.transaction() as tx:
        found = await tx.one("set_project_name", id=project_id, tenant_id=caller.scope, name=name)
        await _changed(tx, caller, "set_project_name", project_id, found)
    return project_id


async def set_project_description(store: Store, caller: Caller, project_id: UUID, description: str | None) -> UUID:
    """Describe a project; None takes its description away."""
    async with store.transaction() as tx:
        found = await tx.one("set_project_description", id=project_id, tenant_id=caller.scope, description=description)
        await _changed(tx, caller, "set_project_description", project_id, found)
    return project_id


async def _changed(tx: Transaction, caller: Caller, action: str, project_id: UUID, found: Row | None) -> None:
    if found is None:
        raise TowpathError(Code.NOT_FOUND, f"There is no project {project_id}.")
    await note(tx, caller, action, "project", project_id)


# ----------------------------------------------------------------------------------------------------------------- agent configs


async def create_agent_config(store: Store, caller: Caller, *, tenant_id: UUID | None, name: str | None, settings: Any) -> UUID:
    """Keep settings for agents; the id under which they ask for them. The same name and settings again are the config that is there."""
    tenant = caller.tenant(tenant_id)
    kept = {"tenant_id": tenant, "name": name, "settings": Json(_object({} if settings is None else settings))}
    async with store.transaction() as tx:
        await tx.one("lock_tenant", tenant_id=tenant)
        if (found := await tx.one("agent_config_like", **kept)) is not None:
            same: UUID = found["id"]
            return same
        config_id = uuid7()
        await tx.run("insert_agent_config", id=config_id, **kept)
        await note(tx, caller, "create_agent_config", "agent_config", config_id)
    return config_id


async def update_agent_config(store: Store, caller: Caller, agent_config_id: UUID, **given: Any) -> None:
    """Change the `name` or the `settings` of an agent config, or both; what is not given stays."""
    if given.get("settings") is not None:
        _object(given["settings"])
    async with store.transaction() as tx:
        row = await tx.one("lock_agent_config", id=agent_config_id, tenant_id=caller.scope)
        if row is None:
            raise TowpathError(Code.NOT_FOUND, f"There is no agent config {agent_config_id}.")
        after = row | given
        settings = Json({} if after["settings"] is None else after["settings"])
        await tx.run("store_agent_config", id=agent_config_id, tenant_id=row["tenant_id"], name=after["name"], settings=settings)
        await note(tx, caller, "update_agent_config", "agent_config", agent_config_id)


async def delete_agent_config(store: Store, caller: Caller, agent_config_id: UUID) -> None:
    """Delete an agent config; agents that were started with it go on."""
    async with store.transaction() as tx:
        if await tx.one("delete_agent_config", id=agent_config_id, tenant_id=caller.scope) is None:
            raise TowpathError(Code.NOT_FOUND, f"There is no agent config {agent_config_id}.")
        await note(tx, caller, "delete_agent_config", "agent_config", agent_config_id)
