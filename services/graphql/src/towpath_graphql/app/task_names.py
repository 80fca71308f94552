"""How a run's process names its task runs: by id, or by slug and map index, which it knows before the rows of mapped children exist."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from towpath_graphql.app.batch import Batch
from towpath_graphql.app.ports import Transaction
from towpath_graphql.app.storing import task_run_of
from towpath_graphql.domain import state_json
from towpath_graphql.domain.runs import FlowRun, TaskRun
from towpath_proto.ids import uuid7

LAST_INDEX = 2**31 - 1


@dataclass
class Names:
    """Finds task runs by id or by (slug, map index); makes records for mapped children that are not there yet."""

    flow_run: FlowRun
    by_id: dict[UUID, TaskRun] = field(default_factory=dict)
    by_name: dict[tuple[str, int], TaskRun] = field(default_factory=dict)

    def add(self, run: TaskRun) -> None:
        """Know a task run."""
        self.by_id[run.id] = run
        self.by_name[run.slug, run.map_index] = run

    def keep_stored(self, batch: Batch) -> None:
        """Forget records whose first state was refused: logs and artifacts must not point to rows that do not exist."""
        for run in [r for r in self.by_id.values() if not r.stored and batch.tasks[r.id].version == 0]:
            del self.by_id[run.id], self.by_name[run.slug, run.map_index]

    def find(self, item: Mapping[str, Any]) -> TaskRun | None:
        """The task run that an item names; None for none, or one that is not there."""
        ref = named_by(item)
        return self.by_id.get(ref) if isinstance(ref, UUID) else self.by_name.get(ref) if ref is not None else None


async def named(tx: Transaction, run: FlowRun, items: Iterable[Mapping[str, Any]]) -> Names:
    """Lock every task run that these items name; records for mapped children that they name first."""
    names = Names(run)
    refs = {ref for i in items if (ref := named_by(i)) is not None}
    ids = sorted(r for r in refs if isinstance(r, UUID))
    wanted = sorted(r for r in refs if isinstance(r, tuple))
    if ids:
        for row in await tx.all("lock_task_runs", ids=ids, flow_run_id=run.id, tenant_id=run.tenant_id):
            names.add(task_run_of(row))
    if wanted:
        rows = await tx.all(
            "lock_task_runs_by_slug",
            flow_id=run.flow_id,
            flow_run_id=run.id,
            slugs=[s for s, _ in wanted],
            map_indexes=[i for _, i in wanted],
        )
        for row in rows:
            names.add(task_run_of(row))
        missing = [w for w in wanted if w not in names.by_name]
        if missing:
            tasks = {t["slug"]: t for t in await tx.all("tasks_of_flow", flow_id=run.flow_id)}
            for slug, map_index in missing:
                if slug in tasks:
                    names.add(_new_task_run(run, tasks[slug], map_index))
    return names


def _new_task_run(run: FlowRun, task: dict[str, Any], map_index: int) -> TaskRun:
    return TaskRun(
        id=uuid7(),
        tenant_id=run.tenant_id,
        flow_run_id=run.id,
        task_id=task["id"],
        slug=task["slug"],
        map_index=map_index,
        state="Pending",
        version=0,
        attempt=1,
        serialized_state=_CREATED,
        max_retries=task["max_retries"],
        retry_delay=task["retry_delay"],
        cache_key=task["cache_key"],
        stored=False,
    )


_CREATED = state_json.make("Pending", "Task run created.")


def named_by(item: Mapping[str, Any]) -> UUID | tuple[str, int] | None:
    """How an item names its task run: by id, or by slug and map index. None when it names none, or in a way that cannot be read."""
    if (text := item.get("task_run_id")) is not None:
        try:
            return UUID(str(text))
        except ValueError:
            return None
    slug, index = item.get("slug"), item.get("map_index")
    index = -1 if index is None else index
    if not isinstance(slug, str) or not isinstance(index, int) or not -1 <= index <= LAST_INDEX:
        return None
    return slug, int(index)
