"""What the settings of a flow's group change: whether silence means loss, and whether what is lost is brought back."""

from __future__ import annotations

import pytest

from towpath_proto.errors import Code

STATES = "states { id status message }"
EXPIRED = "{ expired_leases { runs { flow_run_id fence } next_expiry } }"


async def set_flow(api, run_id, *states):
    """States of a flow run as a Prefect 1 client writes them."""
    for state in states:
        await api.call("set_flow_run_states", STATES, states=[{"flow_run_id": run_id, "state": state}])


async def set_task(api, task_id, *states):
    """States of a task run as a Prefect 1 client writes them."""
    for state in states:
        await api.call("set_task_run_states", STATES, states=[{"task_run_id": task_id, "state": state}])


async def silent(api, make_state, *settings, states=("Submitted", "Running"), retries=0):
    """A Prefect 1 run with a running task (once it runs), of a flow with these settings switched off; its lease is over: {run, task}."""
    flow_id = await api.register1(tasks=1, retries=retries)
    for setting in settings:
        await api.call(f"disable_flow_{setting}", flow_id=flow_id)
    run_id = await api.create(flow_id)
    await set_flow(api, run_id, *map(make_state, states))
    task = (await api.tasks_of(run_id))["a-1"]["id"]
    if states[-1] == "Running":
        await set_task(api, task, make_state("Running"))
    await api.open_gate()
    await api.expire(run_id)
    return run_id, task


async def reaped(api, run_id):
    """What becomes of a run when the zombie killer looks, and when it insists: its state."""
    service = api.as_("service", tenant=None)
    (run,) = await api.rows("select fence from flow_run where id = %s", run_id)
    lease = {"flow_run_id": str(run_id), "fence": run["fence"]}
    found = (await service(EXPIRED))["expired_leases"]
    (result,) = (await service.call("reap_flow_runs", "results", runs=[lease]))["results"]
    assert found["runs"] == ([lease] if result["status"] == "SUCCESS" else [])
    assert result["status"] == "SUCCESS" or (result["code"] == Code.LEASE_ALIVE and found["next_expiry"] is None)
    return await api.state(run_id)


@pytest.mark.parametrize(
    ("settings", "states", "after"),
    [
        ([], ("Submitted", "Running"), "Scheduled"),
        ([], ("Submitted",), "Scheduled"),
        (["heartbeat"], ("Submitted", "Running"), "Running"),
        (["heartbeat"], ("Submitted",), "Submitted"),
        (["lazarus_process"], ("Submitted", "Running"), "Failed"),
        (["lazarus_process"], ("Submitted",), "Submitted"),
        (["lazarus_process", "heartbeat"], ("Submitted", "Running"), "Running"),
    ],
)
async def test_what_silence_means(api, make_state, settings, states, after):
    """Without heartbeats nobody is taken for lost; without lazarus nobody is begun again: neither one that is slow to begin nor one that
    was lost, which fails and says why."""
    run_id, _ = await silent(api, make_state, *settings, states=states)
    assert await reaped(api, run_id) == after
    if after == "Failed":
        assert "settings of its flow" in (await api.rows("select state_message from flow_run"))[0]["state_message"]


async def test_a_retry_that_is_left_is_taken_without_lazarus(api, make_state):
    """The retries of a task are its author's will, not a rescue."""
    run_id, task = await silent(api, make_state, "lazarus_process", retries=1)
    assert await reaped(api, run_id) == "Scheduled"
    assert await api.rows("select state from task_run where id = %s", task) == [{"state": "Retrying"}]


async def test_a_crash_that_is_reported_is_one_all_the_same(api, make_state):
    """The supervisor of a native run has seen its process die: with lazarus off the run fails, and a launch that failed is tried again."""
    flow_id = await api.register()
    await api.call("disable_flow_lazarus_process", flow_id=flow_id)
    run = await api.begun(flow_id)
    await api.report(run, 1, [{"state": make_state("Running")}])
    await api.report(run, 1, [{"state": make_state("Failed", message="was killed")}], reporter="supervisor")
    assert await api.state(run["id"]) == "Failed"
    launching = await api.create(flow_id)
    (claimed,) = (await api.claim(await api.agent()))["runs"]
    await api.open_gate()
    await api.expire(launching)
    lease = {"flow_run_id": str(launching), "fence": claimed["fence"]}
    (result,) = (await api.as_("service", tenant=None).call("reap_flow_runs", "results", runs=[lease]))["results"]
    assert (result["status"], await api.state(launching)) == ("SUCCESS", "Scheduled")


async def test_a_silent_run_is_cancelled_as_one_that_lives(api, make_state):
    """Its process is told (Cancelling) and gets a lease period to hear it; then silence counts, and the run is Cancelled."""
    run_id, _ = await silent(api, make_state, "heartbeat")
    assert (await api.call("cancel_flow_run", "state", flow_run_id=run_id))["state"] == "Cancelling"
    (row,) = await api.rows("select extract(epoch from lease_expires_at - now())::int as left from flow_run")
    assert 80 <= row["left"] <= 90
    await api.expire(run_id)
    assert await reaped(api, run_id) == "Cancelled"


async def test_a_silent_run_is_handed_out_when_a_task_of_it_is_due(api, make_state):
    """As on Prefect Server, Running as it is: once its retry is due, or its paused task has been resumed; for its own labels only."""

    async def queue(**given):
        return (await api.call("get_runs_in_queue", "flow_run_ids", **given))["flow_run_ids"]

    run_id, task = await silent(api, make_state, "heartbeat", retries=1)
    assert await queue() == []
    await set_task(api, task, make_state("Failed"), make_state("Retrying", start_time="2998-01-01T00:00:00", run_count=1))
    assert await queue() == []
    assert await queue(before="2999-01-01T00:00:00") == [str(run_id)]
    assert await queue(before="2999-01-01T00:00:00", labels=["gpu"]) == []
    await set_task(api, task, make_state("Paused", start_time=None))
    assert await queue(before="2999-01-01T00:00:00") == []
    await set_task(api, task, make_state("Resume"))
    assert await queue() == [str(run_id)]
    await set_task(api, task, make_state("Submitted"))
    assert await queue() == []


async def test_switching_them_on_again_counts_at_once(api, make_state):
    """Silence means loss from then on, also for runs that had been forgiven."""
    run_id, _ = await silent(api, make_state, "heartbeat", "lazarus_process")
    (flow,) = await api.rows("select id from flow")
    await api.call("enable_flow_heartbeat", flow_id=flow["id"])
    await api.call("enable_flow_lazarus_process", flow_id=flow["id"])
    assert await reaped(api, run_id) == "Scheduled"


@pytest.mark.parametrize(("kind", "left"), [("Running", True), ("Scheduled", False)])
async def test_lazarus_leaves_what_nobody_wants_back(api, kind, left):
    """A run that had begun and is nowhere stays so with lazarus off; one that waits for its turn is offered as ever."""
    flow_id = await api.register()
    await api.call("disable_flow_lazarus_process", flow_id=flow_id)
    run_id = await api.create(flow_id)
    lost = "update flow_run set state = %s, due_at = null, state_timestamp = now() - interval '1 minute' returning 1"
    assert await api.rows(lost, kind)
    service = api.as_("service", tenant=None)
    found = (await service("{ stranded_flow_runs { flow_run_id } }"))["stranded_flow_runs"]
    (result,) = (await service.call("reoffer_flow_runs", "results", flow_run_ids=[run_id]))["results"]
    assert (found == [], result.get("code")) == (left, Code.NOT_STRANDED if left else None)
    await api.rows("delete from flow_run returning 1")  # it was moved by hand, against the invariants
