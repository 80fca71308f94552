"""What the edges say of tasks, however the flow came in: in one step or in parts."""

from __future__ import annotations

import pytest

FLAGS = ("mapped", "is_root_task", "is_terminal_task", "is_reference_task")
TASKS = [{"slug": s, "name": s} for s in ("a", "b", "c", "alone")]
EDGES = [
    {"upstream_task": {"slug": a}, "downstream_task": {"slug": b}, "key": k, "mapped": m}
    for a, b, k, m in (("a", "b", "x", True), ("a", "b", "y", False), ("b", "c", "x", False))
]


async def register(api, parts, **flow):
    """Register with the tasks and edges inside, or in this many parts after it; the flow's id."""
    (project,) = await api.rows("select id from project")
    whole = {"name": "boat", "parameters": [], **flow}
    inside = {"tasks": TASKS, "edges": EDGES} if parts == 0 else {"tasks": [], "edges": []}
    flow_id = (await api.call("create_flow", "id", serialized_flow={**whole, **inside}, project_id=project["id"]))["id"]
    if parts:
        for i in range(parts):
            await api.call("register_tasks", flow_id=flow_id, serialized_tasks=TASKS[i::parts])
        for i in range(parts):
            await api.call("register_edges", flow_id=flow_id, serialized_edges=EDGES[i::parts])
    return flow_id


async def flags(api, flow_id):
    """The tasks for which each flag is set."""
    rows = await api.rows("select * from task where flow_id = %s order by slug", flow_id)
    return {f: "".join(r["slug"][0] if r["slug"] != "alone" else "+" for r in rows if r[f]) for f in FLAGS}


@pytest.mark.parametrize("parts", [0, 1, 3])
async def test_flags_are_the_same_in_one_step_and_in_parts(api, parts):
    """Roots have nothing above, terminal tasks nothing below, a mapped edge makes its lower end mapped; reference tasks are the terminal
    ones where the flow names none."""
    told = await flags(api, await register(api, parts))
    assert told == {"mapped": "b", "is_root_task": "a+", "is_terminal_task": "+c", "is_reference_task": "+c"}
    tenants = await api.rows("select distinct tenant_id from (select tenant_id from task union all select tenant_id from edge) x")
    assert tenants == [{"tenant_id": api.identity.tenant}]


@pytest.mark.parametrize("parts", [0, 2])
async def test_reference_tasks_are_those_that_the_flow_names(api, parts):
    """Also when its tasks come later."""
    told = await flags(api, await register(api, parts, reference_tasks=[{"slug": "b"}, {"slug": "alone"}]))
    assert told["is_reference_task"] == "+b"


@pytest.mark.parametrize("odd", ["b", {"slug": "b"}, [1, None], None])
async def test_reference_tasks_that_are_none_spoil_nothing(api, odd):
    """Whatever a client sends there, the flow is registered."""
    assert await flags(api, await register(api, 0, reference_tasks=odd))
