"""Reads and small changes that people ask for by name: find a flow or a run by what they remember of it, set a schedule on, tidy up.

A part of `Client`. It holds no state; everything goes through the client's `graphql`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from towpath.client import documents
from towpath.client.asking import Asking, Row
from towpath_proto.errors import Code, TowpathError

_HEX = re.compile(r"[0-9a-fA-F][0-9a-fA-F-]{3,35}")


def id_range(text: str) -> tuple[str, str] | None:
    """The smallest and the largest id that begin with `text`; None when no id can."""
    if not _HEX.fullmatch(text):
        return None
    digits = text.replace("-", "")
    if len(digits) > 32:
        return None
    low, high = (str(UUID(digits.ljust(32, fill))) for fill in "0f")
    return (low, high) if low.startswith(text.lower()) else None


def whose_id(text: str, *others: Mapping[str, Any]) -> Row:
    """A condition for rows whose id begins with `text`, or that fulfil one of `others`."""
    found = id_range(text)
    choices: list[Any] = [*others]
    if found is not None:
        choices.append({"id": {"_gte": found[0], "_lte": found[1]}})
    return {"_or": choices}


class Lookups(Asking):
    """The part of `Client` that people's commands need."""

    def get_flow(self, flow_id: str) -> Row:
        """One flow version with its graph, schedule and parameters.

        Raises:
            TowpathError: `NOT_FOUND`.
        """
        found = self.graphql(documents.FLOW, {"id": flow_id})["flow_by_pk"]
        if found is None:
            raise TowpathError(Code.NOT_FOUND, f"There is no flow {flow_id}. See `towpath get flows` for the ids.")
        return dict(found)

    def flow_run_config(self, flow_id: str) -> Row | None:
        """The run config of a flow version; None where this identity may not read it."""
        try:
            found = self.graphql(documents.FLOW_RUN_CONFIG, {"id": flow_id})["flow_by_pk"]
        except TowpathError as error:
            if error.code != Code.VALIDATION_FAILED:
                raise
            return None
        return dict((found or {}).get("run_config") or {"type": "UniversalRun"})

    def look_up_flows(self, reference: str, *, project_name: str | None = None) -> list[Row]:
        """Current flows of this name, and flow versions whose id begins like this; at most 20."""
        where = whose_id(reference, {"_and": [{"name": {"_eq": reference}}, {"archived": {"_eq": False}}]})
        if project_name is not None:
            where["project"] = {"name": {"_eq": project_name}}
        return list(self.graphql(documents.CURRENT_FLOWS, {"where": where, "limit": 20})["flow"] or [])

    def look_up_flow_runs(self, reference: str) -> list[Row]:
        """Flow runs of this name, and flow runs whose id begins like this, newest first; at most 20."""
        where = whose_id(reference, {"name": {"_eq": reference}})
        return list(self.graphql(documents.FLOW_RUNS, {"where": where, "limit": 20})["flow_run"] or [])

    def look_up_task_runs(self, reference: str) -> list[Row]:
        """Task runs whose id begins like this; at most 20."""
        if id_range(reference) is None:
            return []
        return list(self.graphql(documents.TASK_RUNS, {"where": whose_id(reference), "limit": 20})["task_run"] or [])

    def find_task_runs(self, where: Mapping[str, Any], *, limit: int = 20) -> list[Row]:
        """Task runs that fulfil a condition of the read dialect, in the order in which they were made."""
        return list(self.graphql(documents.TASK_RUNS, {"where": dict(where), "limit": limit})["task_run"] or [])

    def look_up_agents(self, reference: str) -> list[Row]:
        """Agents of this name, and agents whose id begins like this."""
        where = whose_id(reference, {"name": {"_eq": reference}})
        return list(self.graphql(documents.AGENTS_WHERE, {"where": where})["agent"] or [])

    def find_flow_runs(self, where: Mapping[str, Any], *, limit: int = 50) -> list[Row]:
        """Flow runs that fulfil a condition of the read dialect, newest scheduled start first."""
        return list(self.graphql(documents.FLOW_RUNS, {"where": dict(where), "limit": limit})["flow_run"] or [])

    def get_task_run(self, task_run_id: str) -> Row:
        """One task run with its states, its task and its flow run.

        Raises:
            TowpathError: `NOT_FOUND`.
        """
        found = self.graphql(documents.TASK_RUN, {"id": task_run_id})["task_run_by_pk"]
        if found is None:
            raise TowpathError(Code.NOT_FOUND, f"There is no task run {task_run_id}.")
        return dict(found)

    def get_scheduled_flows(self, *, project_name: str | None = None, limit: int = 100) -> list[Row]:
        """Current flow versions that have a schedule, by name."""
        has_one = [{"schedule": {"_is_null": False}}, {"flow_group": {"schedule": {"_is_null": False}}}]
        where: Row = {"archived": {"_eq": False}, "_or": has_one}
        if project_name is not None:
            where["project"] = {"name": {"_eq": project_name}}
        return list(self.graphql(documents.CURRENT_FLOWS, {"where": where, "limit": limit})["flow"] or [])

    def find_logs(self, where: Mapping[str, Any], *, limit: int = 10_000, newest: bool = False) -> list[Row]:
        """Log lines that fulfil a condition of the read dialect, in the order in which the API received them.

        Args:
            where: The condition.
            limit: At most this many.
            newest: Whether the limit keeps the newest lines instead of the oldest.
        """
        document = documents.LAST_LOGS if newest else documents.LOGS
        rows = list(self.graphql(document, {"where": dict(where), "limit": limit})["log"] or [])
        return rows[::-1] if newest else rows

    def get_flow_versions(self, flow_group_id: str) -> list[Row]:
        """All versions of a flow, oldest first, each with the number of its runs."""
        return list(self.graphql(documents.FLOW_VERSIONS, {"group": flow_group_id})["flow"] or [])

    def set_schedule_active(self, flow_id: str, active: bool = True) -> None:
        """Let the schedule of a flow version make runs, or no longer."""
        document = documents.SET_SCHEDULE_ACTIVE if active else documents.SET_SCHEDULE_INACTIVE
        self.graphql(document, {"input": {"flow_id": flow_id}})

    def archive_flow(self, flow_id: str) -> None:
        """Take a flow version out of use: its schedule ends, no run of it can be created; its runs stay."""
        self.graphql(documents.ARCHIVE_FLOW, {"input": {"flow_id": flow_id}})

    def delete_flow(self, flow_id: str) -> None:
        """Delete a flow version with all its runs."""
        self.graphql(documents.DELETE_FLOW, {"input": {"flow_id": flow_id}})

    def delete_flow_run(self, flow_run_id: str) -> None:
        """Delete a flow run with its task runs."""
        self.graphql(documents.DELETE_FLOW_RUN, {"input": {"flow_run_id": flow_run_id}})

    def delete_project(self, project_id: str) -> None:
        """Delete a project with all its flows and their runs."""
        self.graphql(documents.DELETE_PROJECT, {"input": {"project_id": project_id}})

    def delete_agent(self, agent_id: str) -> None:
        """Forget an agent. One that is alive registers again when it is started anew."""
        self.graphql(documents.DELETE_AGENT, {"input": {"agent_id": agent_id}})
