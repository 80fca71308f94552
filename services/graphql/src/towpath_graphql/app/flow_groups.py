"""Flow groups: what all versions of a flow share. A group's labels, run config, parameters and schedule stand before the flow's own.

A change concerns new runs. Runs that an active schedule has made ahead are made anew, in the same transaction; a run that people made
keeps what it was given. The same change twice is one change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from towpath_graphql.app.audit import note
from towpath_graphql.app.caller import Caller
from towpath_graphql.app.ports import Json, Row, Store, Transaction
from towpath_graphql.app.register_flow import delete_history
from towpath_graphql.app.schedules import locked_flow, remake
from towpath_graphql.domain import group_schedule
from towpath_proto import parameter_schemas, run_configs
from towpath_proto.errors import Code, TowpathError

_JSON = ("labels", "run_config", "default_parameters", "schedule")


async def _locked(tx: Transaction, caller: Caller, flow_group_id: UUID) -> Row:
    group = await tx.one("lock_flow_group", id=flow_group_id, tenant_id=caller.scope)
    if group is None:
        raise TowpathError(Code.NOT_FOUND, f"There is no flow group {flow_group_id}.")
    return group


async def _store(tx: Transaction, group: Row) -> None:
    await tx.run("store_flow_group", **{**group, **{k: None if group[k] is None else Json(group[k]) for k in _JSON}})


async def _change(store: Store, caller: Caller, flow_group_id: UUID, action: str, **values: Any) -> None:
    async with store.transaction() as tx:
        await _apply(tx, caller, await _locked(tx, caller, flow_group_id), action, **values)


async def _apply(tx: Transaction, caller: Caller, group: Row, action: str, **values: Any) -> None:
    """Change columns of a locked group, and make the runs anew that were made ahead."""
    if all(group[k] == v for k, v in values.items()):
        return
    await _store(tx, group | values)
    if not values.keys().isdisjoint(_JSON):
        await remake(tx, caller, group["id"], after=None if "schedule" in values else await tx.now())
    await note(tx, caller, action, "flow_group", group["id"])


async def set_description(store: Store, caller: Caller, flow_group_id: UUID, description: str | None) -> None:
    """Describe a group."""
    await _change(store, caller, flow_group_id, "set_flow_group_description", description=description)


async def set_labels(store: Store, caller: Caller, flow_group_id: UUID, labels: Sequence[str] | None) -> None:
    """Labels of new runs; None leaves them to the flow."""
    wanted = None if labels is None else sorted(set(labels))
    await _change(store, caller, flow_group_id, "set_flow_group_labels", labels=wanted)


async def set_run_config(store: Store, caller: Caller, flow_group_id: UUID, run_config: Any) -> None:
    """Run config of new runs; None leaves it to the flow.

    Raises:
        TowpathError: `BAD_RUN_CONFIG`, `NOT_FOUND`.
    """
    run_configs.check(run_config)
    await _change(store, caller, flow_group_id, "set_flow_group_run_config", run_config=run_config)


async def set_schedule(
    store: Store,
    caller: Caller,
    flow_group_id: UUID,
    *,
    cron_clocks: Sequence[Mapping[str, Any]],
    interval_clocks: Sequence[Mapping[str, Any]],
    timezone: str | None,
) -> None:
    """A schedule in place of the flow's own; whether it is active is the flow's matter.

    Raises:
        TowpathError: `BAD_SCHEDULE`, `NOT_FOUND`; `MISSING_PARAMETER` and its like where an active schedule would make no runs.
    """
    schedule = group_schedule.build(cron_clocks, interval_clocks, timezone)
    await _change(store, caller, flow_group_id, "set_flow_group_schedule", schedule=schedule)


async def delete_schedule(store: Store, caller: Caller, flow_group_id: UUID) -> None:
    """The flow's own schedule holds again."""
    await _change(store, caller, flow_group_id, "delete_flow_group_schedule", schedule=None)


async def set_default_parameters(store: Store, caller: Caller, flow_group_id: UUID, parameters: Any) -> None:
    """Values for parameters of new runs that are given none; those that a version does not take are left out of its runs.

    Raises:
        TowpathError: `BAD_PARAMETERS` for what is no object or does not fit the newest version, `NOT_FOUND`; `MISSING_PARAMETER` where an
            active schedule would make no runs.
    """
    if not isinstance(parameters, dict):
        raise TowpathError(Code.BAD_PARAMETERS, f"Parameters must be a JSON object of names and values, not a {type(parameters).__name__}.")
    async with store.transaction() as tx:
        group = await _locked(tx, caller, flow_group_id)
        newest = await tx.one("newest_flow_of_group", flow_group_id=flow_group_id)
        if newest is not None:
            parameter_schemas.check(newest["parameters"] or [], parameters, flow_name=newest["name"])
        await _apply(tx, caller, group, "set_flow_group_default_parameters", default_parameters=parameters)


async def delete_group(store: Store, caller: Caller, flow_group_id: UUID) -> None:
    """Delete a flow with all its versions, their runs and their history."""
    async with store.transaction() as tx:
        await _locked(tx, caller, flow_group_id)
        flows = await tx.all("lock_flows_of_group", flow_group_id=flow_group_id)
        await delete_history(tx, [f["id"] for f in flows])
        await tx.run("delete_flow_group", id=flow_group_id, tenant_id=caller.scope)
        await note(tx, caller, "delete_flow_group", "flow_group", flow_group_id)


async def set_heartbeat(store: Store, caller: Caller, flow_id: UUID, *, enabled: bool) -> None:
    """Whether a flow's runs must beat; `flow.settings` of all its versions says so to Prefect 1's clients."""
    # `disable_heartbeat` is what old clients of Prefect's pages look at
    await _settings(store, caller, flow_id, "heartbeat", enabled, {"heartbeat_enabled": enabled, "disable_heartbeat": not enabled})


async def set_lazarus(store: Store, caller: Caller, flow_id: UUID, *, enabled: bool) -> None:
    """Whether a flow's runs are offered again when their process is lost."""
    await _settings(store, caller, flow_id, "lazarus_process", enabled, {"lazarus_enabled": enabled})


async def _settings(store: Store, caller: Caller, flow_id: UUID, what: str, enabled: bool, settings: dict[str, Any]) -> None:
    async with store.transaction() as tx:
        flow = await locked_flow(tx, caller, flow_id)
        await tx.run("merge_group_settings", id=flow["flow_group_id"], settings=Json(settings))
        if "heartbeat_enabled" in settings:
            mirrored = {"heartbeat_enabled": settings["heartbeat_enabled"]}
            await tx.run("merge_flow_settings", flow_group_id=flow["flow_group_id"], settings=Json(mirrored))
        await note(tx, caller, f"{'enable' if enabled else 'disable'}_flow_{what}", "flow", flow_id)


async def move(store: Store, caller: Caller, flow_id: UUID, project_id: UUID) -> UUID:
    """Move a flow, with all its versions, to another project of its tenant; the flow's id."""
    async with store.transaction() as tx:
        flow = await locked_flow(tx, caller, flow_id)
        if await tx.one("project_by_id", id=project_id, tenant_id=flow["tenant_id"]) is None:
            raise TowpathError(Code.NOT_FOUND, f"There is no project {project_id}.")
        await tx.run("move_flows", flow_group_id=flow["flow_group_id"], project_id=project_id)
        await note(tx, caller, "update_flow_project", "flow", flow_id, project_id=str(project_id))
    return flow_id
