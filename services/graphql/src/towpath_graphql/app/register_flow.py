"""Registers flows: a new version in its group, its tasks, edges, clocks and code; older versions are archived.

The steps of Prefect 1's clients (create_flow, register_tasks, register_edges, set_schedule_active) and the one native step share the parts.
Registering the same flow again with the same idempotency key makes nothing new.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from towpath_graphql.app.audit import note
from towpath_graphql.app.batch import Batch
from towpath_graphql.app.caller import Caller
from towpath_graphql.app.ports import Json, Row, Store, Transaction
from towpath_graphql.app.schedules import activate, locked_flow
from towpath_graphql.app.storing import lock_flow_runs
from towpath_graphql.domain import serialized_flow, state_json
from towpath_graphql.domain.runs import Event, Origin, Proposal
from towpath_graphql.domain.serialized_flow import FlowSpec
from towpath_proto import schedules, signing
from towpath_proto.errors import Code, TowpathError
from towpath_proto.ids import uuid7
from towpath_proto.states import is_a

DEFAULT_PROJECT = "default"


@dataclass(frozen=True, slots=True)
class SignedCode:
    """A flow's signed code."""

    blob: bytes
    hash: str
    signature: bytes
    key_id: str
    info: Any


@dataclass(frozen=True, slots=True)
class Registered:
    """What registering gave."""

    flow_id: UUID
    flow_group_id: UUID
    version: int
    created: bool


async def register_flow(
    store: Store,
    caller: Caller,
    *,
    project_name: str | None,
    flow: Any,
    code: SignedCode | None,
    version_group_id: str | None,
    set_schedule_active: bool,
    idempotency_key: str | None,
) -> Registered:
    """The native way: everything in one transaction.

    Raises:
        TowpathError: `NOT_FOUND` for an unknown project, what `serialized_flow.read` refuses, `BAD_SCHEDULE`, `BAD_SIGNATURE`.
    """
    spec = serialized_flow.read(flow)
    async with store.transaction() as tx:
        name = project_name or DEFAULT_PROJECT
        project = await tx.one("project_by_name", tenant_id=caller.tenant(), name=name)
        if project is None:
            raise TowpathError(Code.NOT_FOUND, f"There is no project '{name}'; make it with `towpath create project {name}`.", project=name)
        return await _register(tx, caller, project, spec, flow, code, version_group_id, set_schedule_active, idempotency_key)


async def create_flow(
    store: Store,
    caller: Caller,
    *,
    project_id: UUID,
    flow: Any,
    version_group_id: str | None,
    set_schedule_active: bool,
    description: str | None,
    idempotency_key: str | None,
) -> Registered:
    """Prefect 1's way: the flow, with or without its tasks and edges."""
    if isinstance(flow, dict) and description is not None:
        flow = {**flow, "description": description}
    spec = serialized_flow.read(flow)
    async with store.transaction() as tx:
        project = await tx.one("project_by_id", id=project_id, tenant_id=caller.scope)
        if project is None:
            raise TowpathError(Code.NOT_FOUND, f"There is no project {project_id}.")
        return await _register(tx, caller, project, spec, flow, None, version_group_id, set_schedule_active, idempotency_key)


async def _register(
    tx: Transaction,
    caller: Caller,
    project: Row,
    spec: FlowSpec,
    flow: Mapping[str, Any],
    code: SignedCode | None,
    version_group_id: str | None,
    set_schedule_active: bool,
    idempotency_key: str | None,
) -> Registered:
    tenant_id: UUID = project["tenant_id"]
    clocks = _clock_rows(spec.schedule)
    if version_group_id is None:
        await tx.run("lock_flow_name", project_id=project["id"], name=spec.name)  # two first registrations must find one group
        newest = await tx.one("newest_version_group", project_id=project["id"], name=spec.name)
        version_group_id = newest["version_group_id"] if newest else str(uuid7())
    group = await tx.one("upsert_flow_group", id=uuid7(), tenant_id=tenant_id, name=version_group_id)
    assert group is not None
    if idempotency_key is not None:
        same = await tx.one("flow_by_idempotency_key", flow_group_id=group["id"], key=idempotency_key)
        if same is not None:
            return Registered(same["id"], group["id"], same["version"], created=False)
        await tx.run("remember_idempotency_key", id=group["id"], key=idempotency_key)
    if code is not None:
        await tx.run("insert_flow_code", tenant_id=tenant_id, hash=code.hash, blob=code.blob)
    row = await tx.one(
        "insert_flow",
        id=uuid7(),
        tenant_id=tenant_id,
        project_id=project["id"],
        flow_group_id=group["id"],
        name=spec.name,
        version_group_id=version_group_id,
        description=spec.description,
        environment=_json(spec.environment),
        run_config=_json(spec.run_config),
        storage=_json(spec.storage),
        parameters=Json(spec.parameters),
        serialized_flow=Json(flow),
        schedule=_json(spec.schedule),
        core_version=spec.core_version or caller.core_version,
        settings=Json({"heartbeat_enabled": group["settings"].get("heartbeat_enabled", True)}),
        code_hash=code.hash if code else None,
        code_signature=code.signature if code else None,
        code_key_id=code.key_id if code else None,
        code_info=_json(code.info) if code else None,
    )
    assert row is not None
    await _add_tasks(tx, row["id"], tenant_id, serialized_flow.task_rows(spec.tasks))
    await _add_edges(tx, row["id"], tenant_id, spec.edges)
    await tx.run("mark_tasks", flow_id=row["id"])
    if clocks:
        await tx.run("insert_flow_clocks", flow_id=row["id"], tenant_id=tenant_id, rows=Json(clocks))
    await _retire_older(tx, caller, group["id"], keep=row["id"], new_version=row["version"])
    if set_schedule_active and (spec.schedule or group["schedule"]):
        await activate(tx, caller, row["id"])
    tx.publish([_registered_event(tenant_id, row, group["id"], spec.name)])
    return Registered(row["id"], group["id"], row["version"], created=True)


def _registered_event(tenant_id: UUID, row: Row, flow_group_id: UUID, name: str) -> Event:
    data = {"flow_id": str(row["id"]), "flow_group_id": str(flow_group_id), "name": name, "version": row["version"]}
    return Event("flow.registered", tenant_id, row["id"], data)


def _clock_rows(schedule: Any) -> list[dict[str, Any]]:
    """The clocks of a schedule, each with its stable key; refuses a schedule that cannot be read."""
    if schedule is None:
        return []
    schedules.parse(schedule)
    # each spec is keyed by itself: a schedule drops clocks that it has twice
    keys = {schedules.parse({**schedule, "clocks": [spec]}).clocks[0].key: spec for spec in schedule["clocks"]}
    return [{"key": key, "position": i, "spec": spec} for i, (key, spec) in enumerate(keys.items())]


def _json(value: Any) -> Json | None:
    return None if value is None else Json(value)


async def _add_tasks(tx: Transaction, flow_id: UUID, tenant_id: UUID, rows: Sequence[dict[str, Any]]) -> set[str]:
    """Add what is not there yet; its slugs."""
    if not rows:
        return set()
    new = await tx.all("insert_tasks", flow_id=flow_id, tenant_id=tenant_id, rows=Json([{"id": uuid7(), **r} for r in rows]))
    return {r["slug"] for r in new}


async def _add_edges(tx: Transaction, flow_id: UUID, tenant_id: UUID, edges: Sequence[Any]) -> None:
    rows = [{"id": uuid7(), **r} for r in serialized_flow.edge_rows(edges)]
    if not rows:
        return
    missing = await tx.one("insert_edges", flow_id=flow_id, tenant_id=tenant_id, rows=Json(rows))
    if missing is not None:
        slug = missing["upstream"] if missing["no_upstream"] else missing["downstream"]
        raise TowpathError(Code.UNKNOWN_TASK, f"An edge names the task '{slug}', which the flow does not have.", slug=slug)


async def _retire_older(tx: Transaction, caller: Caller, flow_group_id: UUID, *, keep: UUID, new_version: int) -> None:
    archived = [r["id"] for r in await tx.all("archive_older_flows", flow_group_id=flow_group_id, keep=keep)]
    await _withdraw_runs(tx, caller, archived, f"Version {new_version} of the flow was registered; this version is archived.")


async def _withdraw_runs(tx: Transaction, caller: Caller, flow_ids: Sequence[UUID], message: str) -> None:
    """What a schedule made and nobody took is deleted; what people scheduled is cancelled, with the reason."""
    if not flow_ids:
        return
    await tx.run("delete_upcoming_runs", flow_ids=list(flow_ids), after=None)
    waiting = [r["id"] for r in await tx.all("waiting_runs_of_flows", flow_ids=list(flow_ids))]
    if waiting:
        runs = await lock_flow_runs(tx, waiting, None)
        batch = Batch(tx, runs.values(), [], await tx.now())
        for run in runs.values():
            if is_a(run.state, "Scheduled") and run.phase is None:  # one that an agent took meanwhile runs on
                batch.flow(run.id, Proposal(state_json.make("Cancelled", message), Origin.SERVICE, actor=caller.actor))
        await batch.store()


async def register_tasks(store: Store, caller: Caller, flow_id: UUID, tasks: Any) -> None:
    """Add tasks to a flow; those that are there stay."""
    if not isinstance(tasks, list):
        raise TowpathError(Code.BAD_FLOW, "serialized_tasks must be a list.")
    serialized_flow.check_slugs(tasks)
    async with store.transaction() as tx:
        flow = await locked_flow(tx, caller, flow_id)
        new = await _add_tasks(tx, flow_id, flow["tenant_id"], serialized_flow.task_rows(tasks))
        if new:
            await tx.run("append_serialized_tasks", id=flow_id, tasks=Json([t for t in tasks if t["slug"] in new]))
            await tx.run("mark_tasks", flow_id=flow_id)


async def register_edges(store: Store, caller: Caller, flow_id: UUID, edges: Any) -> None:
    """Add edges to a flow; those that are there stay."""
    if not isinstance(edges, list):
        raise TowpathError(Code.BAD_FLOW, "serialized_edges must be a list.")
    async with store.transaction() as tx:
        flow = await locked_flow(tx, caller, flow_id)
        await _add_edges(tx, flow_id, flow["tenant_id"], edges)
        await tx.run("mark_tasks", flow_id=flow_id)


async def archive_flow(store: Store, caller: Caller, flow_id: UUID) -> None:
    """Archive one version; its waiting runs are withdrawn."""
    async with store.transaction() as tx:
        await locked_flow(tx, caller, flow_id)
        await tx.run("archive_flow", id=flow_id)
        await _withdraw_runs(tx, caller, [flow_id], f"The flow was archived by {caller.actor}.")
        await note(tx, caller, "archive_flow", "flow", flow_id)


async def delete_flow(store: Store, caller: Caller, flow_id: UUID) -> None:
    """Delete one version with its runs and their history."""
    async with store.transaction() as tx:
        await locked_flow(tx, caller, flow_id)
        await delete_history(tx, [flow_id])
        await tx.run("delete_flow", id=flow_id, tenant_id=caller.scope)
        await note(tx, caller, "delete_flow", "flow", flow_id)


async def delete_history(tx: Transaction, flow_ids: Sequence[UUID]) -> None:
    """Delete the history and logs of all runs of these flows, which are then to be deleted in this transaction.

    The flows and their runs are locked first: nobody can add a run, or a state, behind the back of the deletion.
    """
    ids = list(flow_ids)
    await tx.run("lock_flows_to_delete", ids=ids)
    await tx.run("lock_runs_to_delete", flow_ids=ids)
    await tx.run("delete_flow_history", flow_ids=ids)


def decode_code(code: str | None, code_hash: str | None, signature: str | None, key_id: str | None, info: Any) -> SignedCode | None:
    """Check a flow's code as it came in.

    Raises:
        TowpathError: `BAD_REQUEST` when a part is missing or no base64, `BAD_SIGNATURE` when the hash is not that of the code.
    """
    if code is None:
        return None
    if code_hash is None or signature is None or key_id is None:
        raise TowpathError(Code.BAD_SIGNATURE, "Code must come with its hash, signature and key id; agents run signed code only.")
    blob = decode64(code, "code")
    if signing.code_hash(blob) != code_hash:
        raise TowpathError(Code.BAD_SIGNATURE, "The code does not have the hash that was sent with it; it was damaged on its way.")
    return SignedCode(blob, code_hash, decode64(signature, "signature"), key_id, info)


def decode64(text: str, what: str) -> bytes:
    """Bytes from base64; `BAD_REQUEST` naming the field otherwise."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise TowpathError(Code.BAD_REQUEST, f"{what} must be base64.") from None
