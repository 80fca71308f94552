"""Find what a person means: a flow, a run, a task run or an agent, by id, by the beginning of the id, or by name.

What is ambiguous is an error that lists the candidates, newest first; nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from towpath_proto.errors import Code, TowpathError

if TYPE_CHECKING:
    from towpath.client.client import Client

Row = Mapping[str, Any]

_SHOWN = 8


def the_flow_run(client: Client, reference: str) -> Row:
    """The flow run of this id, beginning of an id, or name."""
    return _one(
        client.look_up_flow_runs(reference),
        reference,
        what="flow run",
        lists="towpath get flow-runs",
        shown=lambda r: f"{r['id']}  {r['name']}  {r['flow']['name']}  {r['state']}",
    )


def the_flow(client: Client, reference: str, project: str | None = None) -> Row:
    """The current version of the flow of this name (`project/name` works, too), or the version with this id or beginning of an id."""
    rows = client.look_up_flows(reference, project_name=project)
    if not rows and project is None and "/" in reference:
        folder, _, name = reference.partition("/")
        rows = client.look_up_flows(name, project_name=folder)
    if not rows:
        raise TowpathError(Code.NOT_FOUND, _no_flow(client, reference, project))
    return _one(
        rows,
        reference,
        what="flow",
        lists="towpath get flows",
        shown=lambda r: f"{r['id']}  {(r.get('project') or {}).get('name')}/{r['name']}  version {r['version']}",
        hint="say --project, or the id",
    )


def _no_flow(client: Client, reference: str, project: str | None) -> str:
    from difflib import get_close_matches

    names = {row["name"] for row in client.get_flows(project_name=project, limit=1000)}
    near = get_close_matches(reference.rpartition("/")[2], names, n=1)
    where = f" in project {project!r}" if project else ""
    guess = f"Did you mean {near[0]!r}? " if near else ""
    return f"There is no flow with the name or the id {reference!r}{where}. {guess}Register it, or see `towpath get flows`."


def the_task_run(client: Client, reference: str) -> Row:
    """The task run of this id or beginning of an id, or `RUN/slug` or `RUN/slug[3]` of a flow run."""
    rows = client.look_up_task_runs(reference)
    if not rows and "/" in reference:
        run, _, name = reference.partition("/")
        slug, _, index = name.removesuffix("]").partition("[")
        if index and not index.isdecimal():
            raise TowpathError(Code.BAD_REQUEST, f"{reference!r} is no task run; write it like RUN/load-1 or RUN/load-1[3].")
        where = {"flow_run_id": {"_eq": the_flow_run(client, run)["id"]}, "map_index": {"_eq": int(index or -1)}}
        rows = client.find_task_runs({**where, "task": {"_or": [{"slug": {"_eq": slug}}, {"name": {"_eq": slug}}]}})
    return _one(
        rows,
        reference,
        what="task run",
        lists="towpath get task-runs RUN",
        shown=lambda r: f"{r['id']}  {r['task']['slug']}[{r['map_index']}]  {r['state']}",
    )


def the_agent(client: Client, reference: str) -> Row:
    """The agent of this name, id or beginning of an id."""
    return _one(
        client.look_up_agents(reference),
        reference,
        what="agent",
        lists="towpath get agents",
        shown=lambda r: f"{r['id']}  {r['name']}  {r['type']}  {', '.join(r.get('labels') or ())}",
    )


def the_hook(client: Client, reference: str) -> Row:
    """The hook of this name, id or beginning of an id."""
    return _one(
        _called(client.get_hooks(), reference),
        reference,
        what="hook",
        lists="towpath hook list",
        shown=lambda r: f"{r['id']}  {r['name'] or ''}  {r['type']}  {', '.join(r['states'])}",
    )


def the_api_key(client: Client, reference: str) -> Row:
    """The API key of this name, id or beginning of an id."""
    return _one(
        _called(client.get_api_keys(), reference),
        reference,
        what="API key",
        lists="towpath key list",
        shown=lambda r: f"{r['id']}  {r['name']}  {r['role']}",
    )


def _called(rows: Sequence[Row], reference: str) -> list[Row]:
    from towpath.client.lookups import id_range

    low, high = id_range(reference) or ("~", "")
    return [row for row in rows if row["name"] == reference or low <= row["id"] <= high]


def _one(
    rows: Sequence[Row], reference: str, *, what: str, lists: str, shown: Callable[[Row], str], hint: str = "say more of the id"
) -> Row:
    exact = [row for row in rows if row["id"] == reference.lower()]
    if len(exact or rows) == 1:
        return (exact or rows)[0]
    if not rows:
        raise TowpathError(Code.NOT_FOUND, f"There is no {what} with the id or the name {reference!r}. See `{lists}`.")
    lines = "".join(f"\n  {shown(row)}" for row in rows[:_SHOWN])
    more = f"\n  … and {len(rows) - _SHOWN} more" if len(rows) > _SHOWN else ""
    raise TowpathError(Code.BAD_REQUEST, f"{reference!r} means several {what}s; {hint}.{lines}{more}")
