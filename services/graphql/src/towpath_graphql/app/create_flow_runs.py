"""Creates flow runs, one or many: a run, its task runs and its first state, set-wise for the whole batch.

A repeated idempotency key answers with the run that has it. One bad item does not spoil the others: each has its own answer.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from towpath_graphql.app.caller import RUN, Caller
from towpath_graphql.app.gathering import Gathering
from towpath_graphql.app.ports import Json, Row, Store, Transaction
from towpath_graphql.app.storing import must_hold
from towpath_graphql.domain import state_json
from towpath_graphql.domain.decide import flow_events
from towpath_graphql.domain.parameters import choose_labels, choose_name, choose_parameters
from towpath_graphql.domain.runs import Event, FlowRun
from towpath_proto import run_configs
from towpath_proto.errors import Code, TowpathError
from towpath_proto.ids import uuid7
from towpath_service_kit import tracing

_PENDING = state_json.make("Pending", "Task run created.")
_RNG = random.Random()  # names of runs: no secrets


@dataclass(frozen=True, slots=True)
class RunRequest:
    """A wish for one flow run; see `create_flow_run_input` in the SDL.

    Attributes:
        clock: Stable key of the schedule's clock, for runs that a schedule makes.
        parent_flow_run_id: The run that creates this one; with a run's token its own, even if it does not say so.
        parent_task_slug, parent_map_index: Which of its tasks.
        cancel_with_parent: Whether it is cancelled when its parent is.
        trace: The W3C traceparent under which it is wished for; what gathers requests is of no trace, or of another one.
    """

    flow_id: UUID | None = None
    version_group_id: str | None = None
    parameters: Any = None
    labels: Sequence[str] | None = None
    run_config: Mapping[str, Any] | None = None
    context: Any = None
    scheduled_start_time: datetime | None = None
    idempotency_key: str | None = None
    flow_run_name: str | None = None
    clock: str | None = None
    parent_flow_run_id: UUID | None = None
    parent_task_slug: str | None = None
    parent_map_index: int | None = None
    cancel_with_parent: bool | None = None
    trace: str | None = field(default_factory=tracing.current)


Result = dict[str, Any]
"""{id, created} or {code, message}."""
Creating = Gathering[Caller, RunRequest, Result]
"""Single creations, gathered."""


async def create_flow_run(create: Creating, caller: Caller, request: RunRequest) -> UUID:
    """Create one flow run, together with others that come at the same time; its id, or that of the run which has its key already."""
    result = await create(caller, request)
    if "code" in result:
        raise TowpathError(Code(result["code"]), result["message"], **result.get("detail", {}))
    return UUID(result["id"])


async def create_flow_runs(store: Store, caller: Caller, requests: Sequence[RunRequest]) -> list[Result]:
    """Create many flow runs in one transaction; an answer per item, in order."""
    async with store.transaction() as tx:
        return await create_in(tx, caller, requests)


async def create_in(tx: Transaction, caller: Caller, requests: Sequence[RunRequest]) -> list[Result]:
    """As `create_flow_runs`, within an open transaction."""
    await must_hold(tx, caller)
    by_id, by_group = await _flows(tx, caller, requests)
    families = await _families(tx, caller, requests)
    now = await tx.now()
    rows: list[dict[str, Any] | None] = []
    results: list[Result] = []
    for request in requests:
        try:
            row = _row(request, _flow_for(request, by_id, by_group), now) | families(request)
            rows.append(row)
            results.append({"id": str(row["id"]), "created": True})
        except TowpathError as e:
            rows.append(None)
            results.append({"code": str(e.code), "message": e.message, **({"detail": e.detail} if e.detail else {})})
    wanted = [r for r in rows if r is not None]
    if wanted:
        inserted = await tx.all("insert_flow_runs", rows=Json(wanted), pending=Json(_PENDING), actor=caller.actor)
        made = {r["id"] for r in inserted}
        for row in wanted:
            if row["id"] in made:
                tx.publish(_events(row))
        if len(made) < len(wanted):
            await _point_to_existing(tx, rows, results, made)
    return results


async def _flows(tx: Transaction, caller: Caller, requests: Sequence[RunRequest]) -> tuple[dict[UUID, Row], dict[str, Row]]:
    ids = sorted({r.flow_id for r in requests if r.flow_id})
    groups = sorted({r.version_group_id for r in requests if r.version_group_id and not r.flow_id})
    found = await tx.all("flows_for_runs", ids=ids, version_groups=groups, tenant_id=caller.scope)
    return {f["id"]: f for f in found}, {f["version_group_id"]: f for f in found if not f["archived"]}


async def _families(tx: Transaction, caller: Caller, requests: Sequence[RunRequest]) -> Callable[[RunRequest], dict[str, Any]]:
    """Gives each request its row's columns about its parent.

    Raises (when asked for a request):
        TowpathError: `FORBIDDEN` for a parent that is not the caller's own run, `NOT_FOUND` for one that does not exist,
            `ILLEGAL_TRANSITION` for one that is cancelled.
    """
    own = caller.run_id if caller.role == RUN else None
    ids = sorted({i for r in requests if (i := r.parent_flow_run_id or own)})
    parents = {p["id"]: p for p in await tx.all("parents_of_new_runs", ids=ids, tenant_id=caller.scope)} if ids else {}
    slugs = {(p["flow_id"], r.parent_task_slug) for r in requests if r.parent_task_slug and (p := parents.get(r.parent_flow_run_id or own))}
    wanted = {"flow_ids": [f for f, _ in slugs], "slugs": [s for _, s in slugs]}
    tasks = {(k["flow_id"], k["slug"]): k["id"] for k in await tx.all("tasks_by_slug", **wanted)} if slugs else {}

    def family(request: RunRequest) -> dict[str, Any]:
        parent_id = request.parent_flow_run_id or own
        if parent_id is None:
            return {}
        caller.must_own(parent_id)
        parent = parents.get(parent_id)
        if parent is None:
            raise TowpathError(Code.NOT_FOUND, f"There is no flow run {parent_id} that could be the parent of another.")
        if request.cancel_with_parent and parent["state"] in ("Cancelling", "Cancelled"):
            sentence = f"Flow run '{parent['name']}' is {parent['state']}, so it creates no run that would be cancelled with it."
            raise TowpathError(Code.ILLEGAL_TRANSITION, sentence, flow_run_id=str(parent_id), state=parent["state"])
        return {
            "parent_flow_run_id": parent_id,
            "parent_task_id": tasks.get((parent["flow_id"], request.parent_task_slug)),
            "parent_map_index": request.parent_map_index,
            "cancel_with_parent": bool(request.cancel_with_parent),
        }

    return family


def _flow_for(request: RunRequest, by_id: Mapping[UUID, Row], by_group: Mapping[str, Row]) -> Row:
    if request.flow_id is not None:
        flow = by_id.get(request.flow_id)
        if flow is None:
            raise TowpathError(Code.NOT_FOUND, f"There is no flow {request.flow_id}; `towpath get flows` lists what is registered.")
    elif request.version_group_id is not None:
        flow = by_group.get(request.version_group_id)
        if flow is None:
            raise TowpathError(Code.NOT_FOUND, f"There is no flow of version group {request.version_group_id!r} that is not archived.")
    else:
        raise TowpathError(Code.BAD_REQUEST, "Say which flow to run: flow_id or version_group_id.")
    if flow["archived"]:
        raise TowpathError(
            Code.FLOW_ARCHIVED,
            f"Version {flow['version']} of flow '{flow['name']}' is archived; run its newest version, or register it again.",
            version_group_id=flow["version_group_id"],
        )
    return flow


def _row(request: RunRequest, flow: Row, now: datetime) -> dict[str, Any]:
    run_configs.check(request.run_config)
    if request.clock is not None and not flow["is_schedule_active"]:
        raise TowpathError(Code.BAD_SCHEDULE, f"The schedule of flow '{flow['name']}' is not active; no run of it is made.")
    if request.context is not None and not isinstance(request.context, dict):
        raise TowpathError(Code.BAD_REQUEST, "context must be a JSON object.")
    start = request.scheduled_start_time or now
    return {
        "id": uuid7(),
        "tenant_id": flow["tenant_id"],
        "flow_id": flow["id"],
        "flow_group_id": flow["flow_group_id"],
        "name": request.flow_run_name or choose_name(_RNG),
        "parameters": choose_parameters(
            flow["parameters"] or [], flow["default_parameters"] or {}, request.parameters, flow_name=flow["name"]
        ),
        "context": request.context or {},
        "labels": choose_labels(
            request.labels, request.run_config, flow["group_labels"], flow["group_run_config"], flow["run_config"], flow["environment"]
        ),
        "run_config": request.run_config or flow["group_run_config"] or flow["run_config"],
        "scheduled_start_time": start,
        "auto_scheduled": request.clock is not None,
        "schedule_clock": request.clock,
        "idempotency_key": request.idempotency_key,
        "serialized_state": state_json.make("Scheduled", "Flow run scheduled.", start_time=start),
        "state_id": uuid7(),
        "trace": request.trace,
    }


def _events(row: Mapping[str, Any]) -> list[Event]:
    run = FlowRun(
        id=row["id"],
        tenant_id=row["tenant_id"],
        flow_id=row["flow_id"],
        flow_group_id=row["flow_group_id"],
        name=row["name"],
        state="Scheduled",
        version=1,
        attempt=1,
        serialized_state=row["serialized_state"],
        due_at=row["scheduled_start_time"],
        labels=tuple(row["labels"]),
        run_config_type=(row["run_config"] or {}).get("type") or "UniversalRun",
    )
    created = {
        "flow_run_id": str(run.id),
        "flow_id": str(run.flow_id),
        "state": run.state,
        "due": row["scheduled_start_time"].isoformat(),
    }
    return [Event("flow_run.created", run.tenant_id, run.id, created), *flow_events(run)]


async def _point_to_existing(tx: Transaction, rows: Sequence[dict[str, Any] | None], results: list[Result], made: set[UUID]) -> None:
    """Items whose key or schedule slot is taken are answered with the run that has it."""
    doubles = [(i, r) for i, r in enumerate(rows) if r is not None and r["id"] not in made]
    keyed = [r for _, r in doubles if r["idempotency_key"] is not None]
    clocked = [r for _, r in doubles if r["schedule_clock"] is not None]
    by_key = {
        (x["flow_id"], x["idempotency_key"]): x["id"]
        for x in await tx.all(
            "flow_runs_by_idempotency", flow_ids=[r["flow_id"] for r in keyed], keys=[r["idempotency_key"] for r in keyed]
        )
    }
    by_clock = {
        (x["flow_group_id"], x["schedule_clock"], x["scheduled_start_time"]): x["id"]
        for x in await tx.all(
            "flow_runs_by_clock",
            flow_group_ids=[r["flow_group_id"] for r in clocked],
            clocks=[r["schedule_clock"] for r in clocked],
            times=[r["scheduled_start_time"] for r in clocked],
        )
    }
    for i, row in doubles:
        found = by_key.get((row["flow_id"], row["idempotency_key"])) or by_clock.get(
            (row["flow_group_id"], row["schedule_clock"], row["scheduled_start_time"])
        )
        if found is None:  # the other writer rolled back between our two looks
            results[i] = {"code": str(Code.API_ERROR), "message": "Another request made and withdrew this run at the same time; try again."}
        else:
            results[i] = {"id": str(found), "created": False}
