"""`Client`: everything that a program may ask of a Towpath API, one method each.

A client connects when it is first used. All its calls may be repeated safely: creations carry an idempotency key always. It knows no
command line and prints nothing.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any
from uuid import UUID

from towpath.client import documents
from towpath.client.administration import Administration
from towpath.client.asking import Row
from towpath.client.keeping import Keeping
from towpath.client.lookups import Lookups
from towpath.client.settings import Settings, checked_url
from towpath_proto.errors import Code, TowpathError
from towpath_proto.ids import uuid7

if TYPE_CHECKING:
    from towpath.client.transport import Transport
    from towpath.core.flow import Flow


@dataclass(frozen=True, slots=True)
class Registration:
    """A registered flow version.

    Attributes:
        flow_id: Id of this version.
        flow_group_id: Id that all versions share.
        version: Its number, from 1.
        created: False when this very flow was registered already.
    """

    flow_id: str
    flow_group_id: str
    version: int
    created: bool


class Client(Lookups, Keeping, Administration):
    """A client of a Towpath API.

    Args:
        api_url: Address; TOWPATH_API_URL when absent.
        api_key: Bearer token; TOWPATH_API_KEY (inside a run: the run's token) when absent.
        settings: All settings at once, instead of the environment.
        patience: Seconds during which a request is tried again while the API is away.

    Raises:
        TowpathError: Every method raises it, with the code that the API gave, or `UNREACHABLE`.
    """

    def __init__(
        self,
        *,
        api_url: str | None = None,
        api_key: str | None = None,
        settings: Settings | None = None,
        patience: float | None = None,
    ) -> None:
        import dataclasses

        chosen = settings or Settings.from_env()
        if api_url is not None:
            chosen = dataclasses.replace(chosen, api_url=checked_url(api_url))
        if api_key is not None:
            chosen = dataclasses.replace(chosen, token=api_key)
        if patience is not None:
            chosen = dataclasses.replace(chosen, patience=patience)
        self.settings = chosen

    @cached_property
    def _transport(self) -> Transport:
        from towpath.client.transport import Transport

        return Transport(self.settings)

    def close(self) -> None:
        """Close all connections; a later call opens new ones."""
        transport = self.__dict__.pop("_transport", None)
        if transport is not None:
            transport.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # ------------------------------------------------------------------------------------------------------------------------- anything

    def graphql(
        self,
        query: str,
        variables: Mapping[str, Any] | None = None,
        *,
        operation_name: str | None = None,
        timeout: float | None = None,
        patience: float | None = None,
    ) -> Row:
        """Send any GraphQL document and return its `data`.

        Args:
            query: The document.
            variables: Its variables.
            operation_name: Which operation, if it holds several.
            timeout: Seconds one try may take.
            patience: Seconds during which to try again while the API is away; 0 means one try.
        """
        return self._transport.graphql(query, variables, operation_name=operation_name, timeout=timeout, patience=patience)

    def _mutate(self, document: str, field: str, value: Mapping[str, Any]) -> Row:
        answer = self.graphql(document, {"input": {k: v for k, v in value.items() if v is not None}})[field]
        return answer if isinstance(answer, dict) else {}

    def subscribe(
        self,
        query: str,
        variables: Mapping[str, Any] | Callable[[], Mapping[str, Any]] | None = None,
        *,
        stop: threading.Event | None = None,
        on_connect: Callable[[], None] | None = None,
        on_disconnect: Callable[[Exception], None] | None = None,
    ) -> Iterator[Row]:
        """Yield the `data` of each event of a subscription; connects again whenever the connection is lost.

        Args:
            query: A subscription document.
            variables: Its variables; a function is asked at each connection, so that a stream can go on where it was.
            stop: Ends the generator when set.
            on_connect: Called after each connection: events before it may have been missed.
            on_disconnect: Called with the reason when there is no connection.
        """
        from towpath.client.subscriptions import subscribe

        return subscribe(self.settings, query, variables, stop=stop, on_connect=on_connect, on_disconnect=on_disconnect)

    def auth_info(self) -> Row:
        """Who this client is to the API: `tenant_id`, `user_id`, `role`, `actor`."""
        found: Row = self.graphql(documents.AUTH_INFO)["auth_info"] or {}
        return found

    # ---------------------------------------------------------------------------------------------------------------------------- flows

    def register_flow(
        self,
        flow: Flow,
        project_name: str | None = None,
        *,
        labels: Iterable[str] | None = None,
        set_schedule_active: bool = True,
        version_group_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> Registration:
        """Register a flow: its graph, and its code signed with this user's key.

        Args:
            flow: The flow.
            project_name: An existing project; the API's default project when absent.
            labels: Labels that are added to those of its run config.
            set_schedule_active: Whether its schedule, if it has one, starts to make runs.
            version_group_id: Make it a version of this group; by default flows of one name in one project are versions of each other.
            idempotency_key: Registering again with the same key gives the same version. By default it is a hash of graph and code.
        """
        from towpath.client.keys import SigningKey
        from towpath.client.packing import pack

        packed = pack(flow, labels=labels)
        key = SigningKey.load_or_create(self.settings.home)
        tenant_id = str(self.auth_info()["tenant_id"])
        signature = key.sign(code_sha256=packed.code_hash, tenant_id=tenant_id, flow_name=packed.flow_name)
        self._mutate(documents.ADD_SIGNING_KEY, "add_signing_key", {"public_key": key.text, "name": key.name})
        answer = self._mutate(
            documents.REGISTER_FLOW,
            "register_flow",
            {
                "project_name": project_name,
                "serialized_flow": packed.serialized_flow,
                "code": base64.b64encode(packed.code).decode(),
                "code_hash": packed.code_hash,
                "signature": base64.b64encode(signature).decode(),
                "key_id": key.key_id,
                "code_info": packed.code_info,
                "version_group_id": version_group_id,
                "set_schedule_active": set_schedule_active,
                "idempotency_key": idempotency_key or packed.content_hash,
            },
        )
        return Registration(answer["flow_id"], answer["flow_group_id"], answer["version"], answer["created"])

    def create_project(self, name: str, *, description: str | None = None) -> str:
        """Create a project and return its id; one that exists already is an error with the code UNIQUENESS_VIOLATION."""
        return str(self._mutate(documents.CREATE_PROJECT, "create_project", {"name": name, "description": description})["id"])

    def get_projects(self) -> list[Row]:
        """All projects, by name."""
        return _rows(self.graphql(documents.PROJECTS)["project"])

    def get_flows(
        self, *, name: str | None = None, project_name: str | None = None, archived: bool | None = False, limit: int = 100
    ) -> list[Row]:
        """Flow versions, newest first within a name.

        Args:
            name: Only flows of this name.
            project_name: Only flows of this project.
            archived: False for current versions, True for archived ones, None for both.
            limit: At most this many.
        """
        where: Row = {}
        if name is not None:
            where["name"] = {"_eq": name}
        if project_name is not None:
            where["project"] = {"name": {"_eq": project_name}}
        if archived is not None:
            where["archived"] = {"_eq": archived}
        return _rows(self.graphql(documents.FLOWS, {"where": where, "limit": limit})["flow"])

    def get_tasks(self, flow_id: str, *, limit: int = 1000) -> list[Row]:
        """The tasks of a flow version."""
        return _rows(self.graphql(documents.TASKS, {"where": {"flow_id": {"_eq": flow_id}}, "limit": limit})["task"])

    def find_flow(self, name: str, *, project_name: str | None = None) -> Row:
        """The current version of the flow of this name.

        Raises:
            TowpathError: `NOT_FOUND`, or `BAD_REQUEST` when several projects have a flow of this name.
        """
        wanted: Row = {"name": {"_eq": name}, "archived": {"_eq": False}}
        if project_name:
            wanted["project"] = {"name": {"_eq": project_name}}
        found = _rows(self.graphql(documents.FIND_FLOW, {"where": wanted})["flow"])
        where = f" in project {project_name!r}" if project_name else ""
        if not found:
            raise TowpathError(Code.NOT_FOUND, f"There is no flow named {name!r}{where}. Register it, or see `towpath get flows`.")
        projects = sorted({(row.get("project") or {}).get("name") or "" for row in found})
        if len(projects) > 1:
            raise TowpathError(Code.BAD_REQUEST, f"Several projects have a flow named {name!r} ({', '.join(projects)}); say which project.")
        return found[0]

    # ----------------------------------------------------------------------------------------------------------------------------- runs

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
        return _rows(self._mutate(documents.CREATE_FLOW_RUNS, "create_flow_runs", {"runs": items})["results"])

    def cancel_flow_run(self, flow_run_id: str) -> str:
        """Ask a run to stop; returns its state now (Cancelling while its process is being stopped)."""
        return str(self._mutate(documents.CANCEL_FLOW_RUN, "cancel_flow_run", {"flow_run_id": flow_run_id})["state"])

    def restart_flow_run(self, flow_run_id: str) -> None:
        """Begin the next attempt of a failed or cancelled run; what succeeded is not run again."""
        self._mutate(documents.RESTART_FLOW_RUN, "restart_flow_run", {"flow_run_id": flow_run_id})

    def set_states(self, states: Sequence[Mapping[str, Any]]) -> list[Row]:
        """Propose states for runs; an answer for each, in order."""
        return _rows(self._mutate(documents.SET_STATES, "set_states", {"states": list(states)})["results"])

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
        return _rows(self.graphql(documents.FLOW_RUNS, {"where": where, "limit": limit})["flow_run"])

    def get_task_runs(self, flow_run_id: str, *, limit: int = 10_000) -> list[Row]:
        """The task runs of a flow run."""
        where = {"flow_run_id": {"_eq": flow_run_id}}
        return _rows(self.graphql(documents.TASK_RUNS, {"where": where, "limit": limit})["task_run"])

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
        return _rows(self.graphql(documents.LOGS, {"where": where, "limit": limit})["log"])

    def get_agents(self) -> list[Row]:
        """All agents, the one that asked last first."""
        return _rows(self.graphql(documents.AGENTS)["agent"])


def register_flow(flow: Flow, project_name: str | None = None, **options: Any) -> Registration:
    """Register a flow with the API of the environment's settings; the options are those of `Client.register_flow`."""
    with Client() as client:
        return client.register_flow(flow, project_name, **options)


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


def _rows(found: Any) -> list[Row]:
    return list(found or [])
