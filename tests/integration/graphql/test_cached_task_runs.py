"""Which cached results a run may take over: its flow's own, in every version, and those under a shared key; of its tenant only."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from towpath_proto.errors import Code, TowpathError
from towpath_service_kit.identity import Role

ASK = "query($i: UUID!, $t: [cached_task_input!]!, $n: Int) { cached_task_runs(flow_run_id: $i, tasks: $t, limit: $n) }"


def cached(value: str, made_of: str = "1") -> dict[str, Any]:
    made = {"hashed_inputs": {"x": made_of}, "cached_parameters": {}, "cached_inputs": {}, "context": {}}
    return {"type": "Cached", "message": value, **made}


async def run_with(api: Any, flow_id: UUID, *states: tuple[str, int, dict[str, Any]]) -> dict[str, Any]:
    """A run of the flow whose task runs (slug, map index) ended in these states."""
    run = await api.begun(flow_id)
    items = [{"slug": slug, "map_index": index, "state": state} for slug, index, state in states]
    answer = await api.report(run, 1, [{"state": {"type": "Running"}}, *items])
    assert {r["status"] for r in answer["results"]} == {"SUCCESS"}
    return run


async def ask(api: Any, run: dict[str, Any], *tasks: dict[str, Any], limit: int = 100) -> list[tuple[int, int, str]]:
    wanted = [{"seconds": 3600, **t} for t in tasks]
    rows = (await api(ASK, i=run["id"], t=wanted, n=limit))["cached_task_runs"]
    return [(r["task"], r["map_index"], r["state"]["message"]) for r in rows]


async def test_all_versions_of_the_flow_count(api):
    """Results of an older version are found by slug, newest first; those of other flows and other kinds of state are not."""
    old = await api.register()
    await run_with(api, old, ("a-1", -1, cached("old")), ("a-2", -1, {"type": "Success", "message": "no cache"}))
    new = await api.register(description="changed")
    assert new != old
    await run_with(api, await api.register("other"), ("a-1", -1, cached("stranger", "9")))
    run = await run_with(api, new, ("a-1", -1, cached("new", "2")))
    assert await ask(api, run, {"slug": "a-1"}, {"slug": "a-2"}) == [(0, -1, "new"), (0, -1, "old")]


async def test_of_equal_inputs_the_newest(api):
    """Thousands of runs with the same input are one row; children keep their places."""
    flow = await api.register()
    for value in ("first", "second"):
        await run_with(api, flow, ("a-1", 0, cached(value)), ("a-1", 1, cached(value)), ("a-1", 2, cached(value, "2")))
    run = await api.begun(flow)
    assert sorted(await ask(api, run, {"slug": "a-1"})) == [(0, 0, "second"), (0, 1, "second"), (0, 2, "second")]
    assert len(await ask(api, run, {"slug": "a-1"}, limit=2)) == 2
    assert await ask(api, run, {"slug": "a-1", "seconds": 0}) == []


async def test_a_key_is_shared_between_flows(api):
    """A task with a cache key finds what any task of that key has left, and nothing under its slug."""
    one = await api.register("one", cache_key="shared")
    await run_with(api, one, ("a-1", -1, cached("of one")))
    plain = await api.register("two")
    await run_with(api, plain, ("a-1", -1, cached("by slug")))
    run = await api.begun(plain)
    assert await ask(api, run, {"slug": "a-1", "cache_key": "shared"}) == [(0, -1, "of one")]
    assert await ask(api, run, {"slug": "a-1"}) == [(0, -1, "by slug")]
    assert await ask(api, run, {"slug": "a-1", "cache_key": "nobody's"}) == []


async def test_a_runs_token_asks_for_its_own_run_under_its_own_fence(api):
    """Another run is FORBIDDEN, an old fence is FENCED; viewers ask in vain."""
    flow = await api.register()
    mine, other = await api.begun(flow), await api.begun(flow)
    token = api.as_(Role.RUN, run=mine["id"], fence=mine["fence"])
    assert await ask(token, mine, {"slug": "a-1"}) == []
    for caller, run, code in (
        (token, other, Code.FORBIDDEN),
        (api.as_(Role.RUN, run=mine["id"], fence=mine["fence"] - 1), mine, Code.FENCED),
        (api.as_(Role.VIEWER), mine, Code.FORBIDDEN),
    ):
        with pytest.raises(TowpathError) as refused:
            await ask(caller, run, {"slug": "a-1"})
        assert refused.value.code == code


async def test_names_come_with_the_states(api):
    """A report names its task runs; a refused state names nothing."""
    run = await api.begun(await api.register())
    items = [
        {"state": {"type": "Running"}},
        {"slug": "a-1", "state": {"type": "Running"}, "name": "first try"},
        {"slug": "a-1", "state": {"type": "Success"}, "name": "the end"},
        {"slug": "a-2", "state": {"type": "nonsense"}, "name": "never"},
    ]
    await api.report(run, 1, items)
    tasks = await api.tasks_of(run["id"])
    assert (tasks["a-1"]["name"], tasks["a-2"]["name"]) == ("the end", None)
