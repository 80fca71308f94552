"""Artifacts of task runs: links and documents that a task shows to people. Made, replaced and deleted by reports of native runs in order,
and by calls of everybody else.

An id may be made by the caller: then a call that is repeated, or an artifact that is reported twice, is the same artifact.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from towpath_graphql.app.batch import Result, failure
from towpath_graphql.app.caller import Caller
from towpath_graphql.app.ports import Json, Row, Store, Transaction
from towpath_graphql.app.storing import must_hold
from towpath_graphql.domain.runs import FlowRun, TaskRun
from towpath_proto import artifacts
from towpath_proto.errors import Code, TowpathError
from towpath_proto.ids import uuid7


async def create_artifact(
    store: Store,
    caller: Caller,
    *,
    task_run_id: UUID,
    kind: str,
    data: Any,
    tenant_id: UUID | None = None,
    artifact_id: UUID | None = None,
) -> UUID:
    """Add an artifact to a task run; with an id that an artifact of this task run has already, nothing changes.

    Without an id, a call that repeats one of the last three minutes gives the artifact that the first one made, if that is among the 20
    latest of its task run: Prefect 1's client sends no id, and sends again what it has heard no answer to.

    Raises:
        TowpathError: `NOT_FOUND`; `FORBIDDEN` for a run's token and another run's task run; `FENCED`; `UNIQUENESS_VIOLATION` for an id
            that is taken; `BAD_REQUEST`; `PAYLOAD_TOO_LARGE`.
    """
    tenant = caller.tenant(tenant_id)
    artifacts.check(kind, data)
    async with store.transaction() as tx:
        await must_hold(tx, caller)
        task_run = await tx.one("task_run_info", id=task_run_id, tenant_id=tenant)
        if task_run is None:
            raise TowpathError(Code.NOT_FOUND, f"There is no task run {task_run_id}.")
        caller.must_own(task_run["flow_run_id"])
        row = {"tenant_id": tenant, "task_run_id": task_run_id, "kind": kind}
        if artifact_id is None:
            await tx.run("lock_replays", ids=[task_run_id])  # the first call may not have committed yet
            if like := await tx.one("artifact_like", **row, data=Json(data)):
                same: UUID = like["id"]
                return same
        made = artifact_id or uuid7()
        await tx.run("insert_artifacts", rows=Json([{**row, "id": made, "data": data}]))
        rows = await tx.all("lock_artifacts", ids=[made], tenant_id=tenant)
        if not rows or rows[0]["task_run_id"] != task_run_id:
            raise _taken(made)
    return made


async def update_artifact(store: Store, caller: Caller, *, task_run_artifact_id: UUID, data: Any) -> None:
    """Replace what an artifact holds.

    Raises:
        TowpathError: `NOT_FOUND`; `FORBIDDEN` for a run's token and another run's artifact; `FENCED`; `PAYLOAD_TOO_LARGE`.
    """
    async with store.transaction() as tx:
        row = await _locked(tx, caller, task_run_artifact_id)
        artifacts.check(row["kind"], data)
        await tx.run("update_artifacts", rows=Json([{"id": task_run_artifact_id, "data": data}]))


async def delete_artifact(store: Store, caller: Caller, task_run_artifact_id: UUID) -> None:
    """Delete an artifact.

    Raises:
        TowpathError: `NOT_FOUND`; `FORBIDDEN` for a run's token and another run's artifact; `FENCED`.
    """
    async with store.transaction() as tx:
        await _locked(tx, caller, task_run_artifact_id)
        await tx.run("delete_artifacts", ids=[task_run_artifact_id])


async def _locked(tx: Transaction, caller: Caller, artifact_id: UUID) -> Row:
    await must_hold(tx, caller)
    rows = await tx.all("lock_artifacts", ids=[artifact_id], tenant_id=caller.tenant())
    if not rows:
        raise _missing(artifact_id)
    caller.must_own(rows[0]["flow_run_id"])
    return rows[0]


def _missing(artifact_id: UUID) -> TowpathError:
    return TowpathError(Code.NOT_FOUND, f"There is no artifact {artifact_id}.")


def _taken(artifact_id: UUID) -> TowpathError:
    return TowpathError(Code.UNIQUENESS_VIOLATION, f"The id {artifact_id} belongs to another artifact; make a new one.")


# ----------------------------------------------------------------------------------------------------------------------- reports

Find = Callable[[Mapping[str, Any]], TaskRun | None]
"""The task run that an item names."""


@dataclass
class _Shelf:
    """What a report's items leave of the artifacts that they name."""

    run: FlowRun
    find: Find
    stored: dict[UUID, Row]
    new: dict[UUID, dict[str, Any]] = field(default_factory=dict)
    changed: dict[UUID, Any] = field(default_factory=dict)
    gone: set[UUID] = field(default_factory=set)

    def take(self, item: Mapping[str, Any]) -> UUID:
        artifact_id = _id_of(item)
        if item.get("slug") is not None or item.get("task_run_id") is not None:
            self._create(artifact_id, item)
            return artifact_id
        known = self._known(artifact_id)
        if known is None:
            raise _missing(artifact_id)
        if item.get("delete"):
            self.gone.add(artifact_id)
            self.new.pop(artifact_id, None)
        else:
            artifacts.check(known["kind"], item.get("data"))
            if artifact_id in self.new:
                self.new[artifact_id]["data"] = item["data"]
            else:
                self.changed[artifact_id] = item["data"]
        return artifact_id

    def _known(self, artifact_id: UUID) -> Row | None:
        found = self.stored.get(artifact_id) or self.new.get(artifact_id)
        mine = found is not None and found["flow_run_id"] == self.run.id and artifact_id not in self.gone
        return found if mine else None

    def _create(self, artifact_id: UUID, item: Mapping[str, Any]) -> None:
        kind = item.get("kind")
        artifacts.check(kind, item.get("data"))
        task = self.find(item)
        if task is None:
            name = item.get("task_run_id") or item.get("slug")
            sentence = f"Flow run {self.run.id} has no task run {name!r} that an artifact could belong to."
            raise TowpathError(Code.UNKNOWN_TASK, sentence)
        known = self.stored.get(artifact_id) or self.new.get(artifact_id)
        if known is None:
            owner = {"tenant_id": self.run.tenant_id, "task_run_id": task.id, "flow_run_id": self.run.id}
            self.new[artifact_id] = {"id": artifact_id, **owner, "kind": kind, "data": item["data"]}
        elif known["task_run_id"] != task.id:
            raise _taken(artifact_id)


def _id_of(item: Mapping[str, Any]) -> UUID:
    if item.get("id") is None and (item.get("slug") is not None or item.get("task_run_id") is not None):
        return uuid7()
    try:
        return UUID(str(item.get("id")))
    except ValueError:
        raise TowpathError(Code.BAD_REQUEST, "An artifact's id is a UUID.") from None


async def store_reported(tx: Transaction, run: FlowRun, find: Find, items: Sequence[Mapping[str, Any]]) -> list[Result]:
    """Store what a report says of artifacts, item by item in order; an answer for each.

    Args:
        tx: The transaction that locked the run.
        run: The run that reports.
        find: The task run that an item names.
        items: See `report_run_input` in the SDL.
    """
    ids = sorted({i for item in items if isinstance(i := _readable(item), UUID)})
    rows = await tx.all("lock_artifacts", ids=ids, tenant_id=run.tenant_id) if ids else []
    shelf = _Shelf(run, find, {r["id"]: r for r in rows})
    results: list[Result] = []
    for item in items:
        try:
            results.append({"status": "SUCCESS", "id": str(shelf.take(item))})
        except TowpathError as e:
            results.append(failure(e.code, e.message, None if item.get("id") is None else str(item["id"])))
    if shelf.new:
        made = {r["id"] for r in await tx.all("insert_artifacts", rows=Json(list(shelf.new.values())))}
        for number, result in enumerate(results):
            if result["status"] == "SUCCESS" and (taken := UUID(result["id"])) in shelf.new and taken not in made:  # in another tenant
                results[number] = failure(Code.UNIQUENESS_VIOLATION, _taken(taken).message, taken)
    if kept := [{"id": i, "data": data} for i, data in shelf.changed.items() if i not in shelf.gone]:
        await tx.run("update_artifacts", rows=Json(kept))
    if shelf.gone:
        await tx.run("delete_artifacts", ids=sorted(shelf.gone))
    return results


def _readable(item: Mapping[str, Any]) -> UUID | None:
    try:
        return None if item.get("id") is None else UUID(str(item["id"]))
    except ValueError:
        return None
