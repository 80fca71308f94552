"""Projects and flows: register them, find them. Mixed into `Client`."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from towpath.client import documents
from towpath.client.asking import Asking, Row, rows
from towpath.client.settings import Settings
from towpath_proto.errors import Code, TowpathError

if TYPE_CHECKING:
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


class Flows(Asking):
    """The part of `Client` that knows flows and their projects."""

    settings: Settings

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
        return rows(self.graphql(documents.PROJECTS)["project"])

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
        return rows(self.graphql(documents.FLOWS, {"where": where, "limit": limit})["flow"])

    def get_tasks(self, flow_id: str, *, limit: int = 1000) -> list[Row]:
        """The tasks of a flow version."""
        return rows(self.graphql(documents.TASKS, {"where": {"flow_id": {"_eq": flow_id}}, "limit": limit})["task"])

    def find_flow(self, name: str, *, project_name: str | None = None) -> Row:
        """The current version of the flow of this name.

        Raises:
            TowpathError: `NOT_FOUND`, or `BAD_REQUEST` when several projects have a flow of this name.
        """
        wanted: Row = {"name": {"_eq": name}, "archived": {"_eq": False}}
        if project_name:
            wanted["project"] = {"name": {"_eq": project_name}}
        found = rows(self.graphql(documents.FIND_FLOW, {"where": wanted})["flow"])
        where = f" in project {project_name!r}" if project_name else ""
        if not found:
            raise TowpathError(Code.NOT_FOUND, f"There is no flow named {name!r}{where}. Register it, or see `towpath get flows`.")
        projects = sorted({(row.get("project") or {}).get("name") or "" for row in found})
        if len(projects) > 1:
            raise TowpathError(Code.BAD_REQUEST, f"Several projects have a flow named {name!r} ({', '.join(projects)}); say which project.")
        return found[0]
