"""Calls that come again while the first one is still under way, and what tells a replay from a call like it."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Jsonb

from towpath_graphql.adapters import queries

_WAITING = """
select pid from pg_stat_activity
where wait_event_type = 'Lock' and datname = current_database() and query not like '%%delete from outbox%%' -- the relay's
"""
_HELD = f"select count(*) from pg_locks where locktype = 'advisory' and granted and pid in ({_WAITING})"


@pytest.fixture
async def other(api):
    """A transaction of somebody else, whose locks others wait for."""
    async with await psycopg.AsyncConnection.connect(api.dsn) as connection:
        yield connection


async def _number(api, query: str) -> int:
    (row,) = await api.rows(query)
    return next(iter(row.values()))


async def _until_waiting(api, wanted: int) -> None:
    """Return once that many connections wait for a lock."""
    async with asyncio.timeout(30):
        while len(await api.rows(_WAITING)) != wanted:  # noqa: ASYNC110 - PostgreSQL tells nobody of it
            await asyncio.sleep(0.005)


async def _twice(api, other, call: Any) -> list[Any]:
    """The answers of two equal calls: the second comes while the first has stored what it stores and cannot commit."""
    first = asyncio.create_task(call())
    await _until_waiting(api, 1)
    second = asyncio.create_task(call())
    await _until_waiting(api, 2)
    await other.rollback()
    return await asyncio.gather(first, second)


def _line(run: UUID, message: str = "m") -> dict[str, Any]:
    return {"flow_run_id": run, "message": message, "timestamp": "2026-01-01T00:00:00.000001", "level": "INFO", "name": "n"}


async def test_lines_that_come_again_before_the_first_call_has_ended(api, other):
    """They are stored once."""
    run = await api.create(await api.register())
    await other.execute("lock table outbox in share mode")  # the last that a call writes
    await _twice(api, other, lambda: api.call("write_run_logs", logs=[_line(run)]))
    assert await _number(api, "select count(*) from log") == 1


async def test_an_artifact_that_comes_again_before_the_first_call_has_ended(api, other):
    """It is one, and both calls are told its id."""
    tasks = (await api.begun(await api.register()))["tasks"]
    await other.execute("select from task_run where id = %s for update", [tasks["a-1"]])  # what a new artifact refers to
    given = {"task_run_id": tasks["a-1"], "kind": "markdown", "data": {"markdown": "x"}}
    first, second = await _twice(api, other, lambda: api.call("create_task_run_artifact", "id", **given))
    assert first == second
    assert await _number(api, "select count(*) from task_run_artifact") == 1


async def test_calls_for_several_runs_take_them_in_one_order(api, other):
    """Whichever run a call names first, it takes the same one first: with one of the two held, what a call holds while it waits does not
    depend on that."""
    flow = await api.register()
    runs = [await api.create(flow) for _ in range(2)]
    found = []
    for held in runs:
        for named in (runs, runs[::-1]):
            await other.execute(queries.load()["lock_replays"], {"ids": [held]})
            call = asyncio.create_task(api.call("write_run_logs", logs=[_line(run) for run in named]))
            await _until_waiting(api, 1)
            found.append(await _number(api, _HELD))
            await other.rollback()
            await call
    assert found in ([0, 0, 1, 1], [1, 1, 0, 0])


async def _artifact(api, task_run: UUID, text: str) -> str:
    return (await api.call("create_task_run_artifact", "id", task_run_id=task_run, kind="markdown", data={"markdown": text}))["id"]


async def test_an_artifact_like_one_of_long_ago_is_another(api):
    """A client tries for less than three minutes; a task may show the same again later."""
    task = (await api.begun(await api.register()))["tasks"]["a-1"]
    first = await _artifact(api, task, "x")
    moved = "update task_run_artifact set created = created - %s::interval returning id"
    await api.rows(moved, "160 s")
    assert await _artifact(api, task, "x") == first
    await api.rows(moved, "20 s")
    assert await _artifact(api, task, "x") != first


async def test_an_artifact_is_compared_with_the_latest_only(api):
    """However many a task makes, one more costs the comparison with 20."""
    task = (await api.begun(await api.register()))["tasks"]["a-1"]
    made = [await _artifact(api, task, str(number)) for number in range(21)]
    assert await _artifact(api, task, "1") == made[1]
    assert await _artifact(api, task, "0") != made[0]


async def test_the_latest_artifacts_are_found_without_the_others(api, other):
    """Of 10,000 artifacts of a task run the look reads those that it compares, and none where all are too old."""
    task = (await api.begun(await api.register()))["tasks"]["a-1"]
    await _artifact(api, task, "x")
    await other.execute(
        "insert into task_run_artifact (id, tenant_id, task_run_id, kind, data, created)"
        " select gen_random_uuid(), tenant_id, task_run_id, kind, data, created - number * interval '1 ms'"
        " from task_run_artifact, generate_series(1, 9999) as number"
    )
    await other.execute("analyze task_run_artifact")
    given = {**(await api.rows("select tenant_id, task_run_id, kind from task_run_artifact"))[0], "data": Jsonb({"markdown": "y"})}
    explain = b"explain (analyze, costs off, timing off, format json) " + queries.load()["artifact_like"]
    for age, most in (("0", 21), ("3 minutes", 0)):
        await other.execute("update task_run_artifact set created = created - %s::interval", [age])
        await other.execute("analyze task_run_artifact")
        ((found,),) = await (await other.execute(explain, given)).fetchall()
        scan = _scan(found[0]["Plan"])
        assert scan["Index Name"] == "task_run_artifact_by_creation"
        assert scan["Actual Rows"] + scan.get("Rows Removed by Filter", 0) <= most


def _scan(node: dict[str, Any]) -> dict[str, Any]:
    """The node at the bottom of a plan that has one branch."""
    (inner,) = node.get("Plans", [None])
    return node if inner is None else _scan(inner)


async def test_only_lines_that_were_stored_are_told(api):
    """Nothing is told of a call that came before; of one that brings something new, only that."""
    run = await api.create(await api.register())
    api.bus.disconnect()  # events wait, to be looked at
    for lines in (["one"], ["one"], ["two", "one"]):
        await api.call("write_run_logs", logs=[_line(run, line) for line in lines])
    told = await api.rows("select data from outbox where type = 'log.written' order by id")
    stored = await api.rows("select id from log order by id")
    assert [t["data"] for t in told] == [{"flow_run_id": str(run), "count": 1, "last_id": str(line["id"])} for line in stored]
    assert len(stored) == 2
