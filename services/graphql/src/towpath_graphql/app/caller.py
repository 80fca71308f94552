"""Who is asking, as the use cases see it, and what each role may ask for.

The gateway proves the identity; this module decides what it may do. Default deny: a field that no row names is for nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from towpath_proto.errors import Code, TowpathError

ADMIN, OPERATOR, VIEWER, AGENT, SERVICE, RUN = "admin", "operator", "viewer", "agent", "service", "run"


@dataclass(frozen=True, slots=True)
class Caller:
    """A proven identity.

    Attributes:
        tenant_id: The tenant it acts in; None only for the loops, which serve all tenants.
        role: One of the roles above.
        actor: Who, for histories and the audit.
        run_id, fence: For a run's own token: the only run it may touch.
        agent_id: From the header that agents send.
        core_version: Version of a Prefect 1 client, from its header.
    """

    tenant_id: UUID | None
    role: str
    actor: str
    run_id: UUID | None = None
    fence: int | None = None
    agent_id: UUID | None = None
    core_version: str | None = None

    @property
    def scope(self) -> UUID | None:
        """The tenant to filter by: None (no filter) for the loops alone."""
        return None if self.role == SERVICE else self.tenant_id

    def tenant(self, wanted: UUID | None = None) -> UUID:
        """The tenant to act in.

        Raises:
            TowpathError: `FORBIDDEN` when another tenant is named, `NOT_FOUND` when there is none at all.
        """
        if self.tenant_id is None:
            if self.role == SERVICE and wanted is not None:
                return wanted
            raise TowpathError(Code.NOT_FOUND, "There is no tenant yet; create one with create_tenant.")
        if wanted is not None and wanted != self.tenant_id:
            raise TowpathError(Code.FORBIDDEN, "This identity belongs to another tenant.", tenant_id=str(wanted))
        return self.tenant_id

    def must_own(self, flow_run_id: UUID, fence: int | None = None) -> None:
        """A run's token may touch its own run only, and speak for the claim it was made for only.

        Args:
            flow_run_id: The run to touch.
            fence: The fence that the request names, if it names one.

        Raises:
            TowpathError: `FORBIDDEN` for any other run, `FENCED` for another claim's fence.
        """
        if self.role != RUN:
            return
        if self.run_id != flow_run_id:
            raise TowpathError(Code.FORBIDDEN, "A run's token can touch its own run only.", flow_run_id=str(flow_run_id))
        if fence is not None and fence != self.fence:
            raise TowpathError(Code.FENCED, f"This token was made for fence {self.fence}, not {fence}. Stop.", flow_run_id=str(flow_run_id))

    def must_reach(self, flow_run_id: UUID, parent_flow_run_id: UUID | None) -> None:
        """What a run's token may do to its own run it may do to the runs that this one has created, where this is called.

        Raises:
            TowpathError: `FORBIDDEN` for any other run.
        """
        if self.role == RUN and self.run_id not in (flow_run_id, parent_flow_run_id):
            sentence = "A run's token can touch its own run and the runs that this one has created only."
            raise TowpathError(Code.FORBIDDEN, sentence, flow_run_id=str(flow_run_id))


_EVERYBODY = frozenset({ADMIN, OPERATOR, VIEWER, AGENT, SERVICE, RUN})
_WRITERS = frozenset({ADMIN, OPERATOR})
_RUNNERS = frozenset({ADMIN, OPERATOR, RUN})
_AGENTS = frozenset({ADMIN, OPERATOR, AGENT})
_AGENTS_AND_RUNS = _AGENTS | {RUN}
_LOOPS = frozenset({SERVICE, ADMIN})  # an admin may do a loop's work by hand, in the own tenant

PERMISSIONS: dict[str, frozenset[str]] = {
    "hello": _EVERYBODY,
    "api": _EVERYBODY,
    "reference_data": _EVERYBODY,
    "auth_info": _EVERYBODY,
    "api_keys": frozenset({ADMIN}),
    "auth_api_key": frozenset({ADMIN}),
    # flows read secrets with their run's token, and those of Prefect 1 with their agent's key
    "secret_value": _AGENTS_AND_RUNS,
    "secret_names": _AGENTS_AND_RUNS,
    "verify_api_key": frozenset({SERVICE}),
    "flow_code": _AGENTS_AND_RUNS,
    "get_task_run_info": _AGENTS_AND_RUNS,
    "mapped_children": _EVERYBODY,
    "cached_task_runs": _AGENTS_AND_RUNS,
    "schedule_sources": _LOOPS,
    "expired_leases": _LOOPS,
    "stranded_flow_runs": _LOOPS,
    "create_tenant": frozenset({ADMIN}),
    "delete_tenant": frozenset({ADMIN}),
    "update_tenant_name": frozenset({ADMIN}),
    "update_tenant_slug": frozenset({ADMIN}),
    "update_tenant_settings": frozenset({ADMIN}),
    "create_project": _WRITERS,
    "delete_project": _WRITERS,
    "set_project_name": _WRITERS,
    "set_project_description": _WRITERS,
    "create_agent_config": _WRITERS,
    "update_agent_config": _WRITERS,
    "delete_agent_config": _WRITERS,
    "create_api_key": frozenset({ADMIN}),
    "delete_api_key": frozenset({ADMIN}),
    "add_signing_key": _WRITERS,
    "update_task_tag_limit": _WRITERS,
    "delete_task_tag_limit": _WRITERS,
    "update_flow_concurrency_limit": _WRITERS,
    "delete_flow_concurrency_limit": _WRITERS,
    "set_secret": _WRITERS,
    "delete_secret": _WRITERS,
    "set_key_value": _AGENTS_AND_RUNS,
    "delete_key_value": _AGENTS_AND_RUNS,
    "create_flow": _WRITERS,
    "create_flow_from_compressed_string": _WRITERS,
    "register_tasks": _WRITERS,
    "register_edges": _WRITERS,
    "register_flow": _WRITERS,
    "archive_flow": _WRITERS,
    "delete_flow": _WRITERS,
    "set_schedule_active": _WRITERS,
    "set_schedule_inactive": _WRITERS,
    "update_flow_project": _WRITERS,
    "enable_flow_heartbeat": _WRITERS,
    "disable_flow_heartbeat": _WRITERS,
    "enable_flow_lazarus_process": _WRITERS,
    "disable_flow_lazarus_process": _WRITERS,
    "delete_flow_group": _WRITERS,
    "set_flow_group_description": _WRITERS,
    "set_flow_group_labels": _WRITERS,
    "set_flow_group_run_config": _WRITERS,
    "set_flow_group_default_parameters": _WRITERS,
    "set_flow_group_schedule": _WRITERS,
    "delete_flow_group_schedule": _WRITERS,
    # a parent flow may create runs of other flows with its run's token, and name, cancel and restart those
    "create_flow_run": _RUNNERS,
    "create_flow_runs": _RUNNERS,
    "set_flow_run_name": _RUNNERS,
    "set_flow_run_labels": _WRITERS,
    "set_task_run_name": _RUNNERS,
    "delete_flow_run": _WRITERS,
    "get_or_create_task_run": _AGENTS_AND_RUNS,
    "get_or_create_task_run_info": _AGENTS_AND_RUNS,
    "update_flow_run_heartbeat": _AGENTS_AND_RUNS,
    "update_task_run_heartbeat": _AGENTS_AND_RUNS,
    "get_runs_in_queue": _AGENTS,
    "write_run_logs": _AGENTS_AND_RUNS,
    "create_task_run_artifact": _AGENTS_AND_RUNS,
    "update_task_run_artifact": _AGENTS_AND_RUNS,
    "delete_task_run_artifact": _AGENTS_AND_RUNS,
    "set_flow_run_states": _AGENTS_AND_RUNS,
    "set_task_run_states": _AGENTS_AND_RUNS,
    "set_states": _WRITERS,
    "cancel_flow_run": _RUNNERS,
    "restart_flow_run": _RUNNERS,
    "create_cloud_hook": _WRITERS,
    "delete_cloud_hook": _WRITERS,
    "set_cloud_hook_active": _WRITERS,
    "set_cloud_hook_inactive": _WRITERS,
    "test_cloud_hook": _WRITERS,
    "mark_message_as_read": _WRITERS,
    "mark_message_as_unread": _WRITERS,
    "delete_message": _WRITERS,
    "register_agent": _AGENTS,
    "delete_agent": _AGENTS,
    "claim_flow_runs": _AGENTS,
    "begin_run": _AGENTS_AND_RUNS,
    "renew_leases": _AGENTS_AND_RUNS,
    "report_run": _AGENTS_AND_RUNS,
    "request_slots": _AGENTS_AND_RUNS,
    "release_run": _AGENTS_AND_RUNS,
    "schedule_flow_runs": _LOOPS,
    "reap_flow_runs": _LOOPS,
    "reoffer_flow_runs": _LOOPS,
}
"""Root field -> roles that may ask for it. A test holds it against the SDL."""


def allow(caller: Caller, field: str) -> None:
    """Refuse a field that the caller's role may not ask for.

    Raises:
        TowpathError: `FORBIDDEN`, naming the roles that may.
    """
    roles = PERMISSIONS.get(field, frozenset())
    if caller.role not in roles:
        needed = ", ".join(sorted(roles)) or "nobody"
        raise TowpathError(Code.FORBIDDEN, f"{field} is for {needed}; this identity has the role {caller.role}.", field=field)
