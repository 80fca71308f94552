"""Hooks: made, switched, tried and deleted by people. What a hook is sent with is kept encrypted and shown to nobody again."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from towpath_graphql.app.audit import note
from towpath_graphql.app.caller import Caller
from towpath_graphql.app.deliver_hooks import Told, opened, place, tell
from towpath_graphql.app.ports import Cipher, Json, NotTold, Store, Transaction
from towpath_graphql.domain import hooks
from towpath_graphql.domain.runs import Event
from towpath_proto.errors import Code, TowpathError
from towpath_proto.ids import uuid7

_EXAMPLE = {
    "flow_run": {"id": "00000000-0000-0000-0000-000000000000", "name": "an-example"},
    "flow": {"id": "00000000-0000-0000-0000-000000000000", "name": "an example", "version": 1, "version_group_id": None},
}
_MISSING = "There is no hook {}."


async def create_hook(
    store: Store,
    caller: Caller,
    cipher: Cipher,
    *,
    tenant_id: UUID,
    type: str,  # noqa: A002 - the SDL's name
    states: Sequence[str],
    config: Any = None,
    name: str | None = None,
    version_group_id: str | None = None,
) -> tuple[UUID, str | None]:
    """Make a hook; one like it that is there already is answered instead.

    Returns:
        Its id, and for a WEBHOOK the secret that signs what it gets.

    Raises:
        TowpathError: `FORBIDDEN` for another tenant, `BAD_REQUEST`, `BAD_STATE`; `BAD_SETTING` where this installation has no key.
    """
    tenant = caller.tenant(tenant_id)
    wanted = hooks.read_config(type, config)
    same = {"type": type, "states": Json(hooks.read_states(states)), "name": name, "version_group_id": version_group_id}
    async with store.transaction() as tx:
        await tx.one("lock_tenant", tenant_id=tenant)
        for row in await tx.all("hooks_like", tenant_id=tenant, **same):
            found = opened(cipher, tenant, row)
            if found["config"] == wanted:
                return row["id"], found["secret"] if type == hooks.WEBHOOK else None
        hook_id = uuid7()
        secret = f"whsec_{base64.b64encode(os.urandom(32)).decode()}"
        sealed = cipher.seal(json.dumps({"config": wanted, "secret": secret}).encode(), place=place(tenant, hook_id))
        kept = {"config": Json(hooks.shown(type, wanted)), "key_id": sealed.key_id, "sealed": sealed.ciphertext}
        await tx.run("insert_hook", id=hook_id, tenant_id=tenant, **same, **kept)
        await note(tx, caller, "create_cloud_hook", "cloud_hook", hook_id, type=type)
        _tell_workers(tx, tenant, hook_id, active=True)
    return hook_id, secret if type == hooks.WEBHOOK else None


async def set_hook_active(store: Store, caller: Caller, hook_id: UUID, *, active: bool) -> None:
    """Switch a hook on or off.

    Raises:
        TowpathError: `NOT_FOUND`.
    """
    async with store.transaction() as tx:
        if await tx.one("set_hook_active", id=hook_id, tenant_id=caller.tenant(), active=active) is None:
            raise TowpathError(Code.NOT_FOUND, _MISSING.format(hook_id))
        await note(tx, caller, "set_cloud_hook_active" if active else "set_cloud_hook_inactive", "cloud_hook", hook_id)
        _tell_workers(tx, caller.tenant(), hook_id, active=active)


async def delete_hook(store: Store, caller: Caller, hook_id: UUID) -> None:
    """Delete a hook, with what has not been told yet.

    Raises:
        TowpathError: `NOT_FOUND`.
    """
    async with store.transaction() as tx:
        if await tx.one("delete_hook", id=hook_id, tenant_id=caller.tenant()) is None:
            raise TowpathError(Code.NOT_FOUND, _MISSING.format(hook_id))
        await note(tx, caller, "delete_cloud_hook", "cloud_hook", hook_id)
        _tell_workers(tx, caller.tenant(), hook_id, active=False)


def _tell_workers(tx: Transaction, tenant: UUID, hook_id: UUID, *, active: bool) -> None:
    """So that a worker in any process, which looks at no commit while there are no hooks, looks from now on."""
    tx.publish([Event(hooks.CHANGED, tenant, hook_id, {"cloud_hook_id": str(hook_id), "active": active})])


async def try_hook(
    store: Store, caller: Caller, cipher: Cipher, told: Told, hook_id: UUID, *, flow_run_id: UUID | None, state_type: str
) -> str | None:
    """Send a hook one event at once, whether it is active or not; why it could not be told, or None.

    Raises:
        TowpathError: `NOT_FOUND` for the hook or the flow run.
    """
    tenant = caller.tenant()
    async with store.transaction() as tx:
        hook = await tx.one("hook", id=hook_id, tenant_id=tenant)
        if hook is None:
            raise TowpathError(Code.NOT_FOUND, _MISSING.format(hook_id))
        run: dict[str, Any] | None = _EXAMPLE
        if flow_run_id is not None:
            run = await tx.one("event_of_flow_run", id=flow_run_id, tenant_id=tenant)
        if run is None:
            raise TowpathError(Code.NOT_FOUND, f"There is no flow run {flow_run_id}.")
        whose = await tx.one("tenant_of_event", tenant_id=tenant)
        assert whose is not None
        now = (await tx.now()).isoformat()
    state = {"id": None, "state": state_type.capitalize(), "message": "A test of this hook.", "version": 1, "timestamp": now}
    event = {**run, **whose, "id": str(uuid7()), "timestamp": now, "type": "FlowRunStateChange", "state": state, "is_test_event": True}
    try:
        await tell(store, cipher, told, {**hook, "hook_id": hook_id, "event": event, "id": UUID(event["id"])})
    except NotTold as e:
        return f"The hook could not be told: {e}."
    return None


async def mark_message(store: Store, caller: Caller, message_id: UUID, *, read: bool) -> None:
    """Note that a message was read, or that it was not.

    Raises:
        TowpathError: `NOT_FOUND`.
    """
    async with store.transaction() as tx:
        if await tx.one("mark_message", id=message_id, tenant_id=caller.tenant(), read=read) is None:
            raise TowpathError(Code.NOT_FOUND, f"There is no message {message_id}.")


async def delete_message(store: Store, caller: Caller, message_id: UUID) -> None:
    """Delete a message.

    Raises:
        TowpathError: `NOT_FOUND`.
    """
    async with store.transaction() as tx:
        if await tx.one("delete_message", id=message_id, tenant_id=caller.tenant()) is None:
            raise TowpathError(Code.NOT_FOUND, f"There is no message {message_id}.")
