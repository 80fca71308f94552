"""Resolvers of runs.graphql."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from towpath_graphql.app import agents, set_states, task_runs
from towpath_graphql.app.batch import Result
from towpath_graphql.app.create_flow_runs import RunRequest
from towpath_graphql.app.create_flow_runs import create_flow_run as create_one
from towpath_graphql.app.create_flow_runs import create_flow_runs as create_many
from towpath_graphql.app.set_states import StateRequest
from towpath_graphql.resolvers.context import Context, Handler
from towpath_proto.errors import Code, TowpathError

MAX_RUNS = 5_000
MAX_STATES = 10_000
MAX_GATHERED = 20
"""States of a call that still shares a transaction with others; a larger one has one of its own."""


async def create_flow_run(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002 - the SDL's argument name
    """Create one flow run."""
    return {"id": await create_one(context.creating, context.caller, RunRequest(**input))}


async def create_flow_runs(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Create many flow runs."""
    if len(input["runs"]) > MAX_RUNS:
        raise TowpathError(Code.LIMIT_EXCEEDED, f"At most {MAX_RUNS} runs are created in one call; send them in parts.")
    return {"results": await create_many(context.store, context.caller, [RunRequest(**r) for r in input["runs"]])}


async def set_flow_run_name(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Rename a flow run."""
    await task_runs.rename(context.store, context.caller, name=input["name"], flow_run_id=input["flow_run_id"])
    return {"success": True}


async def set_flow_run_labels(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Give a flow run other labels."""
    await task_runs.label(context.store, context.caller, input["flow_run_id"], input["labels"])
    return {"success": True}


async def set_task_run_name(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Rename a task run."""
    await task_runs.rename(context.store, context.caller, name=input["name"], task_run_id=input["task_run_id"])
    return {"success": True}


async def delete_flow_run(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Delete a flow run."""
    await task_runs.delete_flow_run(context.store, context.caller, input["flow_run_id"])
    return {"success": True}


async def get_or_create_task_run(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """A task run's id, for old clients."""
    wanted = {"map_index": None} | input
    return {"id": (await task_runs.get_or_create(context.store, context.caller, **wanted))["id"]}


async def get_or_create_task_run_info(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """A task run with its state."""
    wanted = {"map_index": None} | input
    return await task_runs.get_or_create(context.store, context.caller, **wanted)


async def get_task_run_info(context: Context, task_run_id: UUID) -> dict[str, Any]:
    """A task run with its state, by id."""
    return await task_runs.info(context.store, context.caller, task_run_id)


async def mapped_children(context: Context, task_run_id: UUID) -> dict[str, Any]:
    """What the children of a mapped task run are doing."""
    return await task_runs.mapped_children(context.store, context.caller, task_run_id)


async def update_flow_run_heartbeat(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """A Prefect 1 run beats."""
    await task_runs.beat_flow_run(context.store, context.caller, input["flow_run_id"])
    return {"success": True}


async def update_task_run_heartbeat(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """A task run of an old client beats."""
    await task_runs.beat_task_run(context.store, context.caller, input["task_run_id"])
    return {"success": True}


async def get_runs_in_queue(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Due runs for a Prefect 1 agent."""
    wanted = {"tenant_id": None, "before": None, "labels": None} | input
    return {"flow_run_ids": await agents.runs_in_queue(context.store, context.caller, **wanted)}


async def write_run_logs(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Log rows of Prefect 1's clients."""
    await task_runs.write_run_logs(context.store, context.caller, input["logs"])
    return {"success": True}


async def set_flow_run_states(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Prefect 1's way to set flow run states: the first refusal fails the call, as its clients expect."""
    requests = [StateRequest(s["state"], flow_run_id=s["flow_run_id"], version=s.get("version")) for s in input["states"]]
    return {"states": _prefect1(await _set(context, requests))}


async def set_task_run_states(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Prefect 1's way to set task run states."""
    requests = [StateRequest(s["state"], task_run_id=s["task_run_id"], version=s.get("version")) for s in input["states"]]
    return {"states": _prefect1(await _set(context, requests))}


async def set_many_states(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """The native way: an answer per item."""
    return {"results": await _set(context, [StateRequest(**s) for s in input["states"]])}


async def _set(context: Context, requests: Sequence[StateRequest]) -> list[Result]:
    if len(requests) > MAX_STATES:
        raise TowpathError(Code.LIMIT_EXCEEDED, f"At most {MAX_STATES} states are set in one call; send them in parts.")
    if len(requests) > MAX_GATHERED:
        return await set_states.set_states(context.store, context.caller, requests)
    return await context.setting(context.caller, requests)


def _prefect1(results: Sequence[Result]) -> list[dict[str, Any]]:
    refused = next((r for r in results if r["status"] == "ERROR"), None)
    if refused is not None:
        # what was legal is stored; the client repeats the call, and what is stored already is accepted as a replay
        raise TowpathError(Code(refused["code"]), refused["message"], **refused.get("story", {}))
    return [{"id": r["id"], "status": r["status"], "message": None} for r in results]


async def cancel_flow_run(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Cancel a flow run."""
    return {"state": await set_states.cancel_flow_run(context.store, context.caller, input["flow_run_id"])}


async def restart_flow_run(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Begin the next attempt."""
    await set_states.restart_flow_run(context.store, context.caller, input["flow_run_id"])
    return {"success": True}


QUERIES: dict[str, Handler] = {"get_task_run_info": get_task_run_info, "mapped_children": mapped_children}
MUTATIONS: dict[str, Handler] = {
    "create_flow_run": create_flow_run,
    "create_flow_runs": create_flow_runs,
    "set_flow_run_name": set_flow_run_name,
    "set_flow_run_labels": set_flow_run_labels,
    "set_task_run_name": set_task_run_name,
    "delete_flow_run": delete_flow_run,
    "get_or_create_task_run": get_or_create_task_run,
    "get_or_create_task_run_info": get_or_create_task_run_info,
    "update_flow_run_heartbeat": update_flow_run_heartbeat,
    "update_task_run_heartbeat": update_task_run_heartbeat,
    "get_runs_in_queue": get_runs_in_queue,
    "write_run_logs": write_run_logs,
    "set_flow_run_states": set_flow_run_states,
    "set_task_run_states": set_task_run_states,
    "set_states": set_many_states,
    "cancel_flow_run": cancel_flow_run,
    "restart_flow_run": restart_flow_run,
}
