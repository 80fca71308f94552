"""Resolvers of groups.graphql."""

from __future__ import annotations

from typing import Any

from towpath_graphql.app import flow_groups
from towpath_graphql.resolvers.context import Context, Handler

_DONE = {"success": True}


async def update_flow_project(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002 - the SDL's argument name
    """Move a flow."""
    return {"id": await flow_groups.move(context.store, context.caller, **input)}


def _switch(change: Any, *, enabled: bool) -> Handler:
    async def resolve(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
        await change(context.store, context.caller, input["flow_id"], enabled=enabled)
        return _DONE

    return resolve


async def delete_flow_group(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Delete a flow with all its versions."""
    await flow_groups.delete_group(context.store, context.caller, **input)
    return _DONE


async def set_flow_group_description(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Describe a group."""
    await flow_groups.set_description(context.store, context.caller, **({"description": None} | input))
    return _DONE


async def set_flow_group_labels(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Labels of new runs."""
    await flow_groups.set_labels(context.store, context.caller, **({"labels": None} | input))
    return _DONE


async def set_flow_group_run_config(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Run config of new runs."""
    await flow_groups.set_run_config(context.store, context.caller, **({"run_config": None} | input))
    return _DONE


async def set_flow_group_default_parameters(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Values for parameters of new runs."""
    await flow_groups.set_default_parameters(context.store, context.caller, **input)
    return _DONE


async def set_flow_group_schedule(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """A schedule in place of the flow's own."""
    await flow_groups.set_schedule(
        context.store,
        context.caller,
        input["flow_group_id"],
        cron_clocks=input.get("cron_clocks") or (),
        interval_clocks=input.get("interval_clocks") or (),
        timezone=input.get("timezone"),
    )
    return _DONE


async def delete_flow_group_schedule(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """The flow's own schedule again."""
    await flow_groups.delete_schedule(context.store, context.caller, **input)
    return _DONE


MUTATIONS: dict[str, Handler] = {
    "update_flow_project": update_flow_project,
    "enable_flow_heartbeat": _switch(flow_groups.set_heartbeat, enabled=True),
    "disable_flow_heartbeat": _switch(flow_groups.set_heartbeat, enabled=False),
    "enable_flow_lazarus_process": _switch(flow_groups.set_lazarus, enabled=True),
    "disable_flow_lazarus_process": _switch(flow_groups.set_lazarus, enabled=False),
    "delete_flow_group": delete_flow_group,
    "set_flow_group_description": set_flow_group_description,
    "set_flow_group_labels": set_flow_group_labels,
    "set_flow_group_run_config": set_flow_group_run_config,
    "set_flow_group_default_parameters": set_flow_group_default_parameters,
    "set_flow_group_schedule": set_flow_group_schedule,
    "delete_flow_group_schedule": delete_flow_group_schedule,
}
