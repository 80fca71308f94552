"""Prefect 1 flows that wait: their process ends and leaves the run Running; a person, or the time, lets it go on."""

from __future__ import annotations

import pytest

STATES = "states { id status message }"


async def left_running(api, make_state, task_state):
    """A Prefect 1 run whose only task waits, and whose process has ended by itself: {run, task run}."""
    run_id = await api.create(await api.register1(tasks=1, retries=2))
    for kind in ("Submitted", "Running"):
        await api.call("set_flow_run_states", STATES, states=[{"flow_run_id": run_id, "state": make_state(kind)}])
    task = (await api.tasks_of(run_id))["a-1"]["id"]
    for state in (make_state("Running"), *task_state):
        await api.call("set_task_run_states", STATES, states=[{"task_run_id": task, "state": state}])
    return run_id, task


async def reaped(api, run_id):
    """What the zombie killer leaves of a run whose lease is over."""
    await api.open_gate()
    await api.expire(run_id)
    (lease,) = await api.rows("select id as flow_run_id, fence from flow_run where id = %s", run_id)
    (result,) = (await api.as_("service", tenant=None).call("reap_flow_runs", "results", runs=[lease]))["results"]
    assert result["status"] == "SUCCESS"
    (row,) = await api.rows(
        "select state, waiting_for, times_resurrected as lives, due_at, due_at <= now() as due from flow_run where id = %s", run_id
    )
    return row


async def queue(api):
    """What a Prefect 1 agent is handed."""
    return (await api.call("get_runs_in_queue", "flow_run_ids"))["flow_run_ids"]


@pytest.mark.parametrize("mutation", ["set_task_run_states", "set_states"])
async def test_a_paused_task_is_waited_for_and_resumed(api, make_state, mutation):
    """Nobody runs it, no life is used; once the task run is resumed, the run is in the queue, and its agent can take both."""
    run_id, task = await left_running(api, make_state, [make_state("Paused", start_time=None)])
    row = await reaped(api, run_id)
    assert (row["state"], row["waiting_for"], row["lives"]) == ("Paused", "paused", 0)
    assert await queue(api) == []
    answer = "results" if mutation == "set_states" else STATES
    await api.call(mutation, answer, states=[{"task_run_id": task, "state": make_state("Resume", start_time="2026-01-01T00:00:00")}])
    assert await queue(api) == [str(run_id)]
    await api.call("set_flow_run_states", STATES, states=[{"flow_run_id": run_id, "state": make_state("Submitted")}])
    await api.call("set_task_run_states", STATES, states=[{"task_run_id": task, "state": make_state("Submitted")}])
    await api.call("set_flow_run_states", STATES, states=[{"flow_run_id": run_id, "state": make_state("Running")}])
    await api.call("set_task_run_states", STATES, states=[{"task_run_id": task, "state": make_state("Running")}])
    assert (await api.rows("select times_resurrected as lives from flow_run")) == [{"lives": 0}]


async def test_a_task_resumed_before_its_process_was_missed_goes_on_at_once(api, make_state):
    """The run is offered when its lease is over, without the loss of a life."""
    run_id, _ = await left_running(api, make_state, [make_state("Paused", start_time=None), make_state("Resume")])
    row = await reaped(api, run_id)
    assert (row["state"], row["due"], row["lives"]) == ("Scheduled", True, 0)


async def test_a_far_retry_is_waited_for(api, make_state):
    """The run is offered at the retry's time, without the loss of a life."""
    states = [make_state("Failed"), make_state("Retrying", start_time="2999-01-01T00:00:00+00:00", run_count=1)]
    run_id, _ = await left_running(api, make_state, states)
    row = await reaped(api, run_id)
    assert (row["state"], row["due_at"].year, row["lives"]) == ("Scheduled", 2999, 0)


async def test_a_process_that_died_while_it_worked_costs_a_life(api, make_state):
    """A task that was running is tried again; this is a loss, whatever else waits."""
    run_id, task = await left_running(api, make_state, [])
    row = await reaped(api, run_id)
    assert (row["state"], row["lives"]) == ("Scheduled", 1)
    assert await api.rows("select state from task_run where id = %s", task) == [{"state": "Retrying"}]


async def test_resuming_one_task_of_an_approval_of_ours_wakes_its_run(api, make_state):
    """A native run that rests as Paused is offered when its task run is resumed; another pause wakes nobody."""
    run = await api.begun(await api.register(tasks=2))
    states = [
        {"state": make_state("Running")},
        *({"slug": s, "state": make_state(k)} for s in ("a-1", "a-2") for k in ("Running", "Paused")),
        {"state": make_state("Paused")},
    ]
    await api.report(run, 1, states)
    tasks = await api.tasks_of(run["id"])

    async def set_state(slug, kind):
        given = [{"task_run_id": tasks[slug]["id"], "state": make_state(kind)}]
        return (await api.call("set_states", "results", states=given))["results"][0]["status"]

    assert await set_state("a-1", "Paused") == "SUCCESS"
    assert await api.state(run["id"]) == "Paused"
    assert await set_state("a-2", "Resume") == "SUCCESS"
    assert await api.state(run["id"]) == "Scheduled"
    assert [r["id"] for r in (await api.claim(await api.agent()))["runs"]] == [str(run["id"])]


@pytest.mark.parametrize("mutation", ["set_flow_run_states", "set_states"])
async def test_resuming_a_flow_run_resumes_what_paused_it(api, make_state, mutation):
    """Whoever approves a paused flow run need not approve its paused task run as well; Prefect 1's process finds both resumed."""
    run_id, task = await left_running(api, make_state, [make_state("Paused", start_time=None)])
    await reaped(api, run_id)
    answer = "results" if mutation == "set_states" else STATES
    await api.call(mutation, answer, states=[{"flow_run_id": run_id, "state": make_state("Resume", start_time=None)}])
    assert await api.rows("select state, version from task_run where id = %s", task) == [{"state": "Resume", "version": 3}]
    history = "select state from task_run_state where task_run_id = %s order by version"
    assert [r["state"] for r in await api.rows(history, task)] == ["Running", "Paused", "Resume"]
    assert await queue(api) == [str(run_id)]
    await api.call("set_flow_run_states", STATES, states=[{"flow_run_id": run_id, "state": make_state("Running")}])
    await api.call("set_task_run_states", STATES, states=[{"task_run_id": task, "state": make_state("Running")}])


async def test_resuming_a_run_of_ours_resumes_every_task_that_paused_it(api, make_state):
    """All that wait for approval go on; what is paused until a time goes on waiting for it, and what succeeded stays."""
    run = await api.begun(await api.register(tasks=4))
    kinds = {"a-1": make_state("Success"), "a-2": make_state("Paused", start_time=None), "a-3": make_state("Paused", start_time=None)}
    kinds["a-4"] = make_state("Paused", start_time="2999-01-01T00:00:00+00:00")
    states = [{"state": make_state("Running")}]
    states += [{"slug": slug, "state": s} for slug, last in kinds.items() for s in (make_state("Running"), last)]
    await api.report(run, 1, [*states, {"state": make_state("Paused", start_time=None)}])
    (result,) = (await api.call("set_states", "results", states=[{"flow_run_id": run["id"], "state": make_state("Resume")}]))["results"]
    assert result["status"] == "SUCCESS"
    found = {slug: row["state"] for slug, row in (await api.tasks_of(run["id"])).items()}
    assert found == {"a-1": "Success", "a-2": "Resume", "a-3": "Resume", "a-4": "Paused"}
