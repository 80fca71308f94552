"""Reads a serialised flow (Prefect 1's shape, prefect1_protocol §14.2) into the rows that are stored, and refuses what cannot be run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from towpath_proto import run_configs
from towpath_proto.errors import Code, TowpathError

_OLDEST_CORE = (0, 6, 1)


@dataclass(frozen=True, slots=True)
class FlowSpec:
    """What is stored of a flow besides its tasks and edges."""

    name: str
    description: str | None
    parameters: list[dict[str, Any]]
    run_config: dict[str, Any] | None
    storage: dict[str, Any] | None
    environment: dict[str, Any] | None
    schedule: dict[str, Any] | None
    core_version: str | None
    tasks: list[dict[str, Any]]
    edges: list[dict[str, Any]]


def read(serialized: Any) -> FlowSpec:
    """Check a serialised flow.

    Raises:
        TowpathError: `BAD_FLOW`, `DUPLICATE_SLUG`, `UNKNOWN_TASK`, `FLOW_CYCLE`, each naming what is wrong.
    """
    if not isinstance(serialized, dict) or not isinstance(serialized.get("name"), str) or not serialized["name"].strip():
        raise TowpathError(Code.BAD_FLOW, "A serialised flow must be a JSON object with a name.")
    version = serialized.get("__version__")
    of_prefect = str(serialized.get("type") or "").startswith("prefect.")
    if isinstance(version, str) and of_prefect and _numbers(version) < _OLDEST_CORE:
        raise TowpathError(Code.BAD_FLOW, f"Flows of Prefect {version} cannot be run; register with 0.6.1 or newer.")
    for key in ("storage", "environment"):
        if not isinstance(serialized.get(key), dict | None):
            raise TowpathError(Code.BAD_FLOW, f"'{key}' of a serialised flow must be a JSON object.")
    run_configs.check(serialized.get("run_config"))
    run_configs.check({"labels": (serialized.get("environment") or {}).get("labels")})
    tasks = _list(serialized, "tasks")
    edges = _list(serialized, "edges")
    slugs = check_slugs(tasks)
    check_graph(slugs, edges)
    return FlowSpec(
        name=serialized["name"],
        description=serialized.get("description"),
        parameters=[p for p in _list(serialized, "parameters") if isinstance(p, dict) and isinstance(p.get("name"), str)],
        run_config=serialized.get("run_config"),
        storage=serialized.get("storage"),
        environment=serialized.get("environment"),
        schedule=serialized.get("schedule"),
        core_version=version if isinstance(version, str) else None,
        tasks=tasks,
        edges=edges,
    )


def check_slugs(tasks: Iterable[Any]) -> set[str]:
    """The slugs of these tasks.

    Raises:
        TowpathError: `BAD_FLOW` for a task without one, `DUPLICATE_SLUG`.
    """
    seen: set[str] = set()
    for task in tasks:
        slug = task.get("slug") if isinstance(task, dict) else None
        if not isinstance(slug, str) or not slug:
            raise TowpathError(Code.BAD_FLOW, "Each task of a serialised flow needs a slug.")
        if not isinstance(task.get("tags") or [], list) or not all(isinstance(t, str) for t in task.get("tags") or []):
            raise TowpathError(Code.BAD_FLOW, f"The tags of task '{slug}' must be a list of texts.", slug=slug)
        if slug in seen:
            raise TowpathError(Code.DUPLICATE_SLUG, f"Two tasks have the slug '{slug}'; give one of them another name or slug.", slug=slug)
        seen.add(slug)
    return seen


def edge_ends(edge: Any) -> tuple[str, str]:
    """(upstream slug, downstream slug) of a serialised edge."""
    try:
        ends = edge["upstream_task"]["slug"], edge["downstream_task"]["slug"]
    except (KeyError, TypeError):
        ends = None, None
    if not all(isinstance(e, str) for e in ends):
        raise TowpathError(Code.BAD_FLOW, "Each edge needs upstream_task and downstream_task, each with a slug.")
    return ends


def check_graph(slugs: set[str], edges: Sequence[Any]) -> None:
    """Every edge joins known tasks, and no task waits for itself (Kahn's algorithm).

    Raises:
        TowpathError: `UNKNOWN_TASK`, `FLOW_CYCLE` with the tasks of the cycle.
    """
    downstream: dict[str, set[str]] = {s: set() for s in slugs}
    waiting: dict[str, int] = dict.fromkeys(slugs, 0)
    for edge in edges:
        a, b = edge_ends(edge)
        for slug in (a, b):
            if slug not in downstream:
                raise TowpathError(Code.UNKNOWN_TASK, f"An edge names the task '{slug}', which the flow does not have.", slug=slug)
        if b not in downstream[a]:
            downstream[a].add(b)
            waiting[b] += 1
    ready = [s for s, n in waiting.items() if n == 0]
    while ready:
        for child in downstream[ready.pop()]:
            waiting[child] -= 1
            if waiting[child] == 0:
                ready.append(child)
    circle = sorted(s for s, n in waiting.items() if n > 0)
    if circle:
        raise TowpathError(
            Code.FLOW_CYCLE, f"The flow has a cycle through {', '.join(circle[:10])}; a task cannot wait for itself.", tasks=circle
        )


def task_rows(tasks: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows for the task table; what the edges say of them is told by SQL (`mark_tasks`)."""
    return [
        {
            "name": t.get("name"),
            "slug": t["slug"],
            "description": t.get("description"),
            "type": t.get("type"),
            "max_retries": t.get("max_retries") or 0,
            "retry_delay": t.get("retry_delay"),
            "trigger": _trigger(t.get("trigger")),
            "auto_generated": bool(t.get("auto_generated")),
            "cache_key": t.get("cache_key"),
            "tags": sorted(t.get("tags") or []),
        }
        for t in tasks
    ]


def edge_rows(edges: Sequence[Any]) -> list[dict[str, Any]]:
    """Rows for the edge table, by slug."""
    return [
        {"upstream": a, "downstream": b, "key": e.get("key"), "mapped": bool(e.get("mapped"))} for e in edges for a, b in (edge_ends(e),)
    ]


def _trigger(value: Any) -> str | None:
    return value.get("fn") if isinstance(value, dict) else value


def _list(serialized: Mapping[str, Any], key: str) -> list[Any]:
    value = serialized.get(key) or []
    if not isinstance(value, list):
        raise TowpathError(Code.BAD_FLOW, f"'{key}' of a serialised flow must be a list.")
    return value


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(n) for n in re.findall(r"\d+", version)[:3])
