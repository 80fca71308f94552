"""Switches schedules on and off, and makes their next runs: at once when a schedule begins, anew when what the runs take has changed.

The scheduler goes on from there. A flow's group is locked before the flow, here as at registration, so that a schedule which is being
changed is waited for.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any
from uuid import UUID

from towpath_graphql.app.audit import note
from towpath_graphql.app.caller import Caller
from towpath_graphql.app.create_flow_runs import RunRequest, create_in
from towpath_graphql.app.ports import Row, Store, Transaction
from towpath_graphql.domain.runs import Event
from towpath_proto import parameter_schemas, schedules, timers
from towpath_proto.errors import Code, TowpathError


async def locked_flow(tx: Transaction, caller: Caller, flow_id: UUID) -> Row:
    """A flow of the caller's tenant with its group, both locked.

    Raises:
        TowpathError: `NOT_FOUND`.
    """
    await tx.one("lock_group_of_flow", id=flow_id, tenant_id=caller.scope)
    flow = await tx.one("lock_flow", id=flow_id, tenant_id=caller.scope)
    if flow is None:
        raise TowpathError(Code.NOT_FOUND, f"There is no flow {flow_id}; `towpath get flows` lists what is registered.")
    return flow


async def set_schedule(store: Store, caller: Caller, flow_id: UUID, *, active: bool) -> bool:
    """Switch a flow's schedule on or off; False when it has none.

    Raises:
        TowpathError: `MISSING_PARAMETER` when a clock leaves a required parameter without a value, `BAD_PARAMETERS` when it gives one of
            a wrong type, `UNKNOWN_PARAMETER` when it gives one that the flow does not take.
    """
    async with store.transaction() as tx:
        if active:
            return await activate(tx, caller, flow_id)
        flow = await locked_flow(tx, caller, flow_id)
        await tx.run("set_schedule", id=flow_id, active=False)
        await tx.run("delete_upcoming_runs", flow_ids=[flow_id], after=None)
        tx.publish([changed(flow)])
        await note(tx, caller, "set_schedule_inactive", "flow", flow_id)
        return True


async def activate(tx: Transaction, caller: Caller, flow_id: UUID) -> bool:
    """Switch a flow's schedule on and make its next runs; False when it has none."""
    flow = await locked_flow(tx, caller, flow_id)
    if flow["archived"]:
        raise TowpathError(Code.FLOW_ARCHIVED, f"Version {flow['version']} of '{flow['name']}' is archived; schedule its newest version.")
    if not (flow["group_schedule"] or flow["schedule"]):
        return False
    await tx.run("set_schedule", id=flow_id, active=True)
    await _make_ahead(tx, caller, flow)
    tx.publish([changed(flow)])
    await note(tx, caller, "set_schedule_active", "flow", flow_id)
    return True


async def remake(tx: Transaction, caller: Caller, flow_group_id: UUID, *, after: datetime | None) -> None:
    """Make the runs of a group's active schedules anew, as its locked row now says.

    Args:
        tx: The transaction that has locked and changed the group.
        caller: Who has changed it.
        flow_group_id: The group.
        after: Runs scheduled before then stay: they are late, not ahead. None when the schedule itself has changed: all that nobody has
            taken go.

    Raises:
        TowpathError: As `set_schedule`, where the change leaves an active schedule without a value for a parameter.
    """
    flows = await tx.all("lock_flows_of_group", flow_group_id=flow_group_id)
    await tx.run("delete_upcoming_runs", flow_ids=[f["id"] for f in flows], after=after)
    for row in flows:
        if row["is_schedule_active"] and not row["archived"]:
            flow = await locked_flow(tx, caller, row["id"])
            await _make_ahead(tx, caller, flow)
            tx.publish([changed(flow)])


async def _make_ahead(tx: Transaction, caller: Caller, flow: Row) -> None:
    """The next runs of an active schedule, as far as they are not there; none where no schedule is in force."""
    if not (source := flow["group_schedule"] or flow["schedule"]):
        return
    schedule = schedules.parse(source)
    _check_clocks(flow, schedule)
    # filters may refuse thousands of instants before one is accepted
    outlook = await asyncio.to_thread(schedule.look, await tx.now(), timers.SCHEDULE_AHEAD)
    requests = [
        RunRequest(
            flow_id=flow["id"],
            parameters=dict(fire.parameter_defaults),
            labels=fire.labels,
            scheduled_start_time=fire.time,
            clock=fire.clock,
        )
        for fire in outlook.fires
    ]
    for result in await create_in(tx, caller, requests) if requests else []:
        if "code" in result:
            raise TowpathError(Code(result["code"]), f"Its schedule makes no runs: {result['message']}", **result.get("detail", {}))


def _check_clocks(flow: Row, schedule: schedules.Schedule) -> None:
    declared: list[dict[str, Any]] = flow["parameters"] or []
    required = {p["name"] for p in declared if p.get("required")} - set(flow["default_parameters"] or {})
    for clock in schedule.clocks:
        lacking = sorted(required - set(clock.parameter_defaults or {}))
        if lacking:
            raise TowpathError(
                Code.MISSING_PARAMETER,
                f"The schedule of '{flow['name']}' gives no value for {', '.join(lacking)}; add defaults to them or to each clock.",
                parameters=lacking,
            )
        parameter_schemas.check(declared, clock.parameter_defaults or {}, flow_name=flow["name"])


def changed(flow: Row) -> Event:
    """Tells the scheduler that a flow's schedule is another now."""
    data = {"flow_id": str(flow["id"]), "flow_group_id": str(flow["flow_group_id"])}
    return Event("schedule.changed", flow["tenant_id"], flow["id"], data)
