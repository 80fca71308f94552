"""Steps of the tests of concurrency limits."""

from __future__ import annotations


async def tag_limit(api, size, tag="db"):
    return (await api.call("update_task_tag_limit", "id", tag=tag, limit=size))["id"]


async def label_limit(api, size, label="big"):
    return (await api.call("update_flow_concurrency_limit", "id", label=label, limit=size))["id"]


async def set_task(api, task_run_id, kind, version=None):
    """One state as Prefect 1's client sets it: the answer's status."""
    given = {"task_run_id": task_run_id, "state": {"type": kind, "message": kind}, "version": version}
    answer = await api.call("set_task_run_states", "states { id status }", states=[given])
    return answer["states"][0]["status"]


async def set_flow(api, run_id, kind, version=None):
    given = {"flow_run_id": run_id, "state": {"type": kind, "message": kind}, "version": version}
    answer = await api.call("set_flow_run_states", "states { id status }", states=[given])
    return answer["states"][0]["status"]


async def running1(api, name="old boat", tasks=3, tags=("db",), **given):
    """A run of a Prefect 1 flow that is Running: its id and its task runs' ids in order."""
    run = await api.create(await api.register1(name, tasks, tags=tags), **given)
    assert await set_flow(api, run, "Running") == "SUCCESS"
    return run, [t["id"] for _, t in sorted((await api.tasks_of(run)).items())]


async def slots(api):
    """How many hold slots, and how many wait."""
    (row,) = await api.rows("select count(acquired) as held, count(*) - count(acquired) as line from concurrency_slot")
    return row["held"], row["line"]


async def ask(api, run, *slugs, **given):
    """Ask for slots as a native run's process does: statuses."""
    tasks = [{"slug": s} if isinstance(s, str) else {"slug": s[0], "map_index": s[1]} for s in slugs]
    wanted = {"flow_run_id": run["id"], "fence": run["fence"], "tasks": tasks} | given
    answer = await api.call("request_slots", "results retry_after cancel", **wanted)
    return [r["status"] for r in answer["results"]], answer


async def begun(api, tags=("db",), tasks=3, **given):
    """A native run that is Running, owned and reports."""
    run = await api.begun(await api.register(tags=tags, tasks=tasks), **given)
    await api.report(run, 1, [{"state": {"type": "Running"}}])
    return run
