"""Resolvers of native.graphql and loops.graphql."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from towpath_graphql.app import agents, loops, own_runs, task_runs
from towpath_graphql.app import claim_flow_runs as claiming
from towpath_graphql.app import report_run as reporting
from towpath_graphql.app.report_run import Report
from towpath_graphql.resolvers.context import Context, Handler
from towpath_graphql.resolvers.flows import as_text
from towpath_proto.errors import Code, TowpathError


async def register_agent(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002 - the SDL's argument name
    """Register an agent."""
    agent_id = await agents.register_agent(
        context.store,
        context.caller,
        tenant_id=input.get("tenant_id"),
        agent_config_id=input.get("agent_config_id"),
        kind=input["type"],
        name=input.get("name"),
        labels=input.get("labels"),
        address=input.get("address"),
    )
    return {"id": agent_id}


async def delete_agent(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Forget an agent."""
    await agents.delete_agent(context.store, context.caller, input["agent_id"])
    return {"success": True}


async def claim_flow_runs(context: Context, input: dict[str, Any]) -> claiming.Claimed:  # noqa: A002
    """Claim due runs."""
    wanted = {"labels": None} | input
    return await claiming.claim_flow_runs(context.store, context.caller, context.make_run_token, **wanted)


async def begin_run(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Begin a claimed run."""
    answer = await own_runs.begin_run(
        context.store,
        context.caller,
        flow_run_id=input["flow_run_id"],
        fence=input["fence"],
        holder=input["holder"],
        known_code=input.get("known_code") or (),
    )
    return {**answer, "code": as_text(answer["code"]) if answer["code"] else None}


async def renew_leases(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Renew leases."""
    leases = [(x["flow_run_id"], x["fence"]) for x in input["leases"]]
    return {"results": await own_runs.renew_leases(context.store, context.caller, leases)}


async def report_run(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Take a report."""
    parts = {k: objects(input.get(k), k) for k in ("states", "logs", "artifacts")}
    report = Report(input["flow_run_id"], input["fence"], input["reporter"], input["sequence"], **parts)
    answer = await reporting.report_run(context.store, context.caller, report)
    return {
        "results": answer.results,
        "artifact_results": answer.artifact_results,
        "replayed": answer.replayed,
        "cancel": answer.cancel,
        "lease_expires_at": answer.run.lease_expires_at,
        "limited_tags": answer.limited_tags,
    }


def objects(value: Any, name: str) -> list[dict[str, Any]]:
    """A JSON argument that must be a list of objects.

    Raises:
        TowpathError: `BAD_REQUEST` for anything else.
    """
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(v, dict) for v in value):
        raise TowpathError(Code.BAD_REQUEST, f"{name} must be a list of objects.")
    return value


async def release_run(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Give a claimed run back."""
    await own_runs.release_run(context.store, context.caller, **input)
    return {"success": True}


async def cached_task_runs(context: Context, flow_run_id: UUID, tasks: list[dict[str, Any]], limit: int) -> list[dict[str, Any]]:
    """Results of earlier runs."""
    return await task_runs.cached_task_runs(context.store, context.caller, flow_run_id=flow_run_id, tasks=tasks, limit=limit)


async def schedule_sources(context: Context, limit: int, after: UUID | None = None) -> list[dict[str, Any]]:
    """Active schedules."""
    return await loops.schedule_sources(context.store, context.caller, after, limit)


async def expired_leases(context: Context, limit: int) -> loops.Expired:
    """Expired leases."""
    return await loops.expired_leases(context.store, context.caller, limit)


async def stranded_flow_runs(context: Context, limit: int) -> list[dict[str, Any]]:
    """Stranded runs."""
    return await loops.stranded_flow_runs(context.store, context.caller, limit)


async def schedule_flow_runs(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Create runs of schedules."""
    return {"results": await loops.schedule_flow_runs(context.store, context.caller, input["runs"])}


async def reap_flow_runs(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Reap."""
    leases = [(x["flow_run_id"], x["fence"]) for x in input["runs"]]
    return {"results": await loops.reap_flow_runs(context.store, context.caller, leases)}


async def reoffer_flow_runs(context: Context, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Offer stranded runs again."""
    return {"results": await loops.reoffer_flow_runs(context.store, context.caller, input["flow_run_ids"])}


QUERIES: dict[str, Handler] = {
    "schedule_sources": schedule_sources,
    "expired_leases": expired_leases,
    "stranded_flow_runs": stranded_flow_runs,
    "cached_task_runs": cached_task_runs,
}
MUTATIONS: dict[str, Handler] = {
    "register_agent": register_agent,
    "delete_agent": delete_agent,
    "claim_flow_runs": claim_flow_runs,
    "begin_run": begin_run,
    "renew_leases": renew_leases,
    "report_run": report_run,
    "release_run": release_run,
    "schedule_flow_runs": schedule_flow_runs,
    "reap_flow_runs": reap_flow_runs,
    "reoffer_flow_runs": reoffer_flow_runs,
}
