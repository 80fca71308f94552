"""Flow runs: create them, stop them, read them with their task runs and logs. Mixed into `Client`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from towpath.client import documents
from towpath.client.asking import Row, rows
from towpath.client.flows import Flows
from towpath_proto.errors import Code, TowpathError
from towpath_proto.ids import uuid7


class Runs(Flows):
    """The part of `Client` that knows flow runs, and who runs them."""

    def create_flow_run(
        self,
        flow_id: str | UUID | None = None,
        *,
        flow_name: str | None = None,
        project_name: str | None = None,
        version_group_id: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        labels: Sequence[str] | None = None,
        run_config: Any = None,
        context: Mapping[str, Any] | None = None,
        scheduled_start_time: datetime | None = None,
        run_name: str | None = None,
        idempotency_key: str | None = None,
        cancel_with_parent: bool | None = None,
    ) -> str:
        """Create a run of a flow and return its id. Called in a run, with the run's token, it makes a child of that run.

        Args:
            flow_id: The flow version.
            flow_name: Instead of the id: the current version of the flow of this name.
            project_name: The project in which to look for `flow_name`.
            version_group_id: Instead of both: the newest version of this group.
            parameters: Values of the flow's parameters.
            labels: Labels in place of the flow's.
            run_config: A run config in place of the flow's (a `RunConfig`, or its JSON).
            context: Values that the run's tasks find in their context.
            scheduled_start_time: When it is due (aware); now when absent.
            run_name: A name; the API makes one up when absent.
            idempotency_key: A second creation with the same key and flow gives the first run. A new one when absent.
            cancel_with_parent: Whether a child is cancelled when its parent is; False when absent.
        """
        if flow_id is None and version_group_id is None:
            if flow_name is None:
                raise TowpathError(Code.BAD_REQUEST, "Say of which flow to create a run: flow_id, flow_name or version_group_id.")
            flow_id = self.find_flow(flow_name, project_name=project_name)["id"]
        item = run_input(
            flow_id=flow_id,
            version_group_id=version_group_id,
            parameters=parameters,
            labels=labels,
            run_config=run_config,
            context=context,
            scheduled_start_time=scheduled_start_time,
            flow_run_name=run_name,
            idempotency_key=idempotency_key,
            cancel_with_parent=cancel_with_parent,
        )
        return str(self._mutate(documents.CREATE_FLOW_RUN, "create_flow_run", item)["id"])

    def create_flow_runs(self, runs: Sequence[Mapping[str, Any]]) -> list[Row]:
        """Create many runs in one call.

        Args:
            runs: One mapping a run, with the fields of the API's `create_flow_run_input`; an absent idempotency key is made up.

        Returns:
            One `{id, created, code, message}` for each, in order; an item that is refused does not stop the others.
        """
        items = [run_input(**run) for run in runs]
        return rows(self._mutate(documents.CREATE_FLOW_RUNS, "create_flow_runs", {"runs": items})["results"])

    def cancel_flow_run(self, flow_run_id: str) -> str:
        """Ask a run to stop; returns its state now (Cancelling while its process is being stopped)."""
        return str(self._mutate(documents.CANCEL_FLOW_RUN, "cancel_flow_run", {"flow_run_id": flow_run_id})["state"])

    def restart_flow_run(self, flow_run_id: str) -> None:
        """Begin the next attempt of a failed or cancelled run; what succeeded is not run again."""
        self._mutate(documents.RESTART_FLOW_RUN, "restart_flow_run", {"flow_run_id": flow_run_id})

    def set_states(self, states: Sequence[Mapping[str, Any]]) -> list[Row]:
        """Propose states for runs; an answer for each, in order."""
        return rows(self._mutate(documents.SET_STATES, "set_states", {"states": list(states)})["results"])

    def get_flow_run(self, flow_run_id: str) -> Row:
        """One flow run.

        Raises:
            TowpathError: `NOT_FOUND`.
        """
        found = self.graphql(documents.FLOW_RUN, {"id": flow_run_id})["flow_run_by_pk"]
        if found is None:
            raise TowpathError(Code.NOT_FOUND, f"There is no flow run {flow_run_id}. See `towpath get flow-runs` for the ids.")
        return dict(found)

    def get_flow_runs(
        self, *, flow_name: str | None = None, project_name: str | None = None, state: Sequence[str] | None = None, limit: int = 50
    ) -> list[Row]:
        """Flow runs, newest scheduled start first.

        Args:
            flow_name: Only runs of flows of this name.
            project_name: Only runs of this project.
            state: Only runs in one of these states.
            limit: At most this many.
        """
        where: Row = {}
        flow: Row = {}
        if flow_name is not None:
            flow["name"] = {"_eq": flow_name}
        if project_name is not None:
            flow["project"] = {"name": {"_eq": project_name}}
        if flow:
            where["flow"] = flow
        if state:
            where["state"] = {"_in": list(state)}
        return rows(self.graphql(documents.FLOW_RUNS, {"where": where, "limit": limit})["flow_run"])

    def get_task_runs(self, flow_run_id: str, *, limit: int = 10_000) -> list[Row]:
        """The task runs of a flow run."""
        where = {"flow_run_id": {"_eq": flow_run_id}}
        return rows(self.graphql(documents.TASK_RUNS, {"where": where, "limit": limit})["task_run"])

    def get_logs(self, flow_run_id: str, *, after: str | None = None, level: Sequence[str] | None = None, limit: int = 10_000) -> list[Row]:
        """Log lines of a flow run in the order in which the API received them.

        Args:
            flow_run_id: The run.
            after: Only lines whose id is greater than this one.
            level: Only lines of these levels.
            limit: At most this many.
        """
        where: Row = {"flow_run_id": {"_eq": flow_run_id}}
        if after is not None:
            where["id"] = {"_gt": after}
        if level:
            where["level"] = {"_in": list(level)}
        return rows(self.graphql(documents.LOGS, {"where": where, "limit": limit})["log"])

    def get_agents(self) -> list[Row]:
        """All agents, the one that asked last first."""
        return rows(self.graphql(documents.AGENTS)["agent"])


def run_input(**fields: Any) -> Row:
    """A `create_flow_run_input`, with an idempotency key always, so that it may be sent again."""
    run_config = fields.get("run_config")
    if run_config is not None and hasattr(run_config, "to_dict"):
        fields["run_config"] = run_config.to_dict()
    moment = fields.get("scheduled_start_time")
    if isinstance(moment, datetime) and moment.tzinfo is None:
        raise TowpathError(Code.BAD_REQUEST, "scheduled_start_time must know its time zone; use datetime.now(UTC) and the like.")
    fields["idempotency_key"] = fields.get("idempotency_key") or str(uuid7())
    return {k: v for k, v in fields.items() if v is not None}
