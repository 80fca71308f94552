"""Flows, flow runs and task runs as they were when they were read: plain values that hold no connection, so they can be sent and stored.

Each read opens a client of the environment's settings; inside a run that is the run's own, which sees its run and the runs it has created.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from towpath.backend import documents
from towpath.backend.watching import FlowRunLog, log_of
from towpath.client.client import Client
from towpath.engine.state import Mapped, State
from towpath.errors import MissingResultError
from towpath_proto.errors import Code, TowpathError

Row = dict[str, Any]


def _ask(document: str, **variables: Any) -> Any:
    """The one root field of the answer."""
    with Client() as client:
        (answer,) = client.graphql(document, variables).values()
    return answer


def _found(document: str, what: str, **variables: Any) -> Row:
    row = _ask(document, **variables)
    if row is None:
        raise TowpathError(Code.NOT_FOUND, f"There is no {what}, or this identity may not read it.")
    return dict(row)


@dataclass(frozen=True, slots=True)
class FlowView:
    """A registered flow version.

    Attributes:
        flow_id: Its id.
        name: The flow's name.
        version: Its number, from 1.
        project_name: The project that it is in.
        archived: Whether a newer version has taken its place, or a person has archived it.
        flow_group_id: Id that all its versions share.
        core_version: What it was registered with.
        parameters: Its parameters: `{name, required, default}` each.
    """

    flow_id: str
    name: str
    version: int
    project_name: str
    archived: bool
    flow_group_id: str
    core_version: str | None
    parameters: list[Row]

    @classmethod
    def from_id(cls, flow_id: str) -> Self:
        """The flow version of this id; also `from_flow_id`.

        Raises:
            TowpathError: `NOT_FOUND`.
        """
        return cls._of(_found(documents.FLOW, f"flow {flow_id}", id=flow_id))

    from_flow_id = from_id

    @classmethod
    def from_flow_name(cls, flow_name: str, project_name: str = "", last_updated: bool = False) -> Self:
        """The current version of the flow of this name.

        Args:
            flow_name: The name.
            project_name: Its project; needed when several projects have a flow of this name.
            last_updated: Take the newest of several instead.

        Raises:
            TowpathError: `NOT_FOUND`, or `BAD_REQUEST` when there are several.
        """
        where: Row = {"name": {"_eq": flow_name}, "archived": {"_eq": False}}
        if project_name:
            where["project"] = {"name": {"_eq": project_name}}
        found = [cls._of(row) for row in _ask(documents.FLOWS, where=where)]
        place = f" in project {project_name!r}" if project_name else ""
        if not found:
            raise TowpathError(Code.NOT_FOUND, f"There is no flow named {flow_name!r}{place}. Register it, or see `towpath get flows`.")
        projects = sorted({flow.project_name for flow in found})
        if len(projects) > 1 and not last_updated:
            raise TowpathError(
                Code.BAD_REQUEST, f"Several projects have a flow named {flow_name!r} ({', '.join(projects)}); say which project."
            )
        return max(found, key=lambda flow: flow.flow_id) if last_updated else found[0]  # ids grow with time

    @classmethod
    def _of(cls, row: Row) -> Self:
        return cls(
            flow_id=row["id"],
            name=row["name"],
            version=row["version"],
            project_name=(row["project"] or {}).get("name") or "",
            archived=row["archived"],
            flow_group_id=row["flow_group_id"],
            core_version=row["core_version"],
            parameters=list(row["parameters"] or []),
        )


@dataclass(frozen=True, slots=True)
class TaskRunView:
    """A task run.

    Attributes:
        task_run_id: Its id.
        task_id, task_slug: Its task.
        flow_run_id: Its flow run.
        name: Its name, if it has one of its own.
        map_index: Position under a mapped task; -1 for a task run that is not mapped, or the mapped one itself.
        state: Its state. The result in it is read by `get_result`.
    """

    task_run_id: str
    task_id: str
    task_slug: str
    flow_run_id: str
    name: str | None
    map_index: int
    state: State = field(compare=False)

    @classmethod
    def from_task_run_id(cls, task_run_id: str) -> Self:
        """The task run of this id.

        Raises:
            TowpathError: `NOT_FOUND`.
        """
        return cls._of(_found(documents.TASK_RUN, f"task run {task_run_id}", id=task_run_id))

    @classmethod
    def from_task_slug(cls, task_slug: str, flow_run_id: str, map_index: int = -1) -> Self:
        """The run of a task within a flow run.

        Raises:
            TowpathError: `UNKNOWN_TASK` when the flow has no such task, `NOT_FOUND` when there is no such child of it.
        """
        rows = _task_runs(flow_run_id, task={"slug": {"_eq": task_slug}}, map_index={"_eq": map_index})
        if rows:
            return cls._of(rows[0])
        slugs = sorted({row["task"]["slug"] for row in _task_runs(flow_run_id, map_index={"_eq": -1})})
        if task_slug in slugs:
            raise TowpathError(Code.NOT_FOUND, f"Task {task_slug!r} of flow run {flow_run_id} has no child with the map index {map_index}.")
        known = f"its tasks are {', '.join(slugs)}" if slugs else "the run does not exist, or this identity may not read it"
        raise TowpathError(Code.UNKNOWN_TASK, f"Flow run {flow_run_id} has no task {task_slug!r}; {known}.")

    def get_result(self) -> Any:
        """The value that the task returned; of a mapped task the list of its children's. It is read from where the run has stored it.

        Raises:
            MissingResultError: If the task run has not succeeded, or its result cannot be read from here.
        """
        if isinstance(self.state, Mapped):
            return [child.get_result() for child in self.iter_mapped()]
        if not self.state.is_successful():
            raise MissingResultError(
                Code.NOT_FOUND, f"Task run {self._label} is {self.state.kind}, so it has no result: {self.state.message or 'no message'}"
            )
        try:
            return self.state.load_result().result
        except TowpathError as error:
            raise MissingResultError(error.code, f"The result of task run {self._label} is needed: {error.message}") from error

    def iter_mapped(self) -> Iterator[TaskRunView]:
        """The children of a mapped task, in order."""
        rows = _task_runs(self.flow_run_id, task_id={"_eq": self.task_id}, map_index={"_gte": 0})
        return (TaskRunView._of(row) for row in sorted(rows, key=lambda row: int(row["map_index"])))

    @property
    def _label(self) -> str:
        return self.task_slug if self.map_index < 0 else f"{self.task_slug}[{self.map_index}]"

    @classmethod
    def _of(cls, row: Row) -> Self:
        return cls(
            task_run_id=row["id"],
            task_id=row["task"]["id"],
            task_slug=row["task"]["slug"],
            flow_run_id=row["flow_run_id"],
            name=row["name"],
            map_index=row["map_index"],
            state=State.from_dict(row["serialized_state"]),
        )


def _task_runs(flow_run_id: str, **where: Any) -> list[Row]:
    return list(_ask(documents.TASK_RUNS, where={"flow_run_id": {"_eq": flow_run_id}, **where}))


@dataclass(frozen=True, slots=True)
class FlowRunView:
    """A flow run.

    Attributes:
        flow_run_id: Its id.
        name: Its name.
        flow_id: The flow version that it runs.
        labels: Its labels.
        parameters: Values of the flow's parameters.
        state: Its state.
        states: All states it went through, oldest first.
        updated_at: When it last changed (aware).
        parent_flow_run_id: The run that created it, if one did.
    """

    flow_run_id: str
    name: str
    flow_id: str
    labels: Sequence[str]
    parameters: Row
    state: State = field(compare=False)
    states: Sequence[State] = field(compare=False, repr=False)
    updated_at: datetime
    parent_flow_run_id: str | None

    @classmethod
    def from_flow_run_id(cls, flow_run_id: str) -> Self:
        """The flow run of this id.

        Raises:
            TowpathError: `NOT_FOUND`.
        """
        row = _found(documents.FLOW_RUN, f"flow run {flow_run_id}", id=flow_run_id)
        return cls(
            flow_run_id=row["id"],
            name=row["name"],
            flow_id=row["flow_id"],
            labels=tuple(row["labels"]),
            parameters=dict(row["parameters"]),
            state=State.from_dict(row["serialized_state"]),
            states=tuple(State.from_dict(state["serialized_state"]) for state in row["states"]),
            updated_at=datetime.fromisoformat(row["updated"]),
            parent_flow_run_id=row["parent_flow_run_id"],
        )

    def get_latest(self) -> FlowRunView:
        """The same run as it is now."""
        return FlowRunView.from_flow_run_id(self.flow_run_id)

    def get_flow_metadata(self) -> FlowView:
        """Its flow version."""
        return FlowView.from_id(self.flow_id)

    def get_task_run(self, task_slug: str | None = None, task_run_id: str | None = None, map_index: int = -1) -> TaskRunView:
        """One of its task runs, by the task's slug or by its own id.

        Raises:
            TowpathError: `UNKNOWN_TASK`, `NOT_FOUND`; `BAD_REQUEST` when neither or both are given.
        """
        if (task_slug is None) == (task_run_id is None):
            raise TowpathError(Code.BAD_REQUEST, "Say which task run: give either task_slug or task_run_id.")
        if task_run_id is not None:
            return TaskRunView.from_task_run_id(task_run_id)
        return TaskRunView.from_task_slug(str(task_slug), self.flow_run_id, map_index)

    def get_all_task_runs(self) -> list[TaskRunView]:
        """All its task runs, children of mapped tasks included."""
        return [TaskRunView._of(row) for row in _task_runs(self.flow_run_id)]

    def get_logs(self) -> list[FlowRunLog]:
        """Its log so far."""
        with Client() as client:
            return [log_of(row) for row in client.get_logs(self.flow_run_id)]
