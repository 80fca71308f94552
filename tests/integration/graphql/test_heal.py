"""Leases, crashes, reaping, cancelling and restarting: every run that loses its process is taken up again or ends."""

from __future__ import annotations

from uuid import uuid4

import pytest

from towpath_proto.errors import Code

EXPIRED = "{ expired_leases { runs { flow_run_id fence holder phase } next_expiry gate_closed_until } }"


async def loops(api):
    """The same API as the loops see it."""
    return api.as_("service", tenant=None)


async def reap(api, run, fence=None):
    """Propose to reap a run; the one answer."""
    given = {"runs": [{"flow_run_id": run["id"], "fence": fence or run["fence"]}]}
    return (await (await loops(api)).call("reap_flow_runs", "results", **given))["results"][0]


async def crash(api, run, sequence=1, message="was killed (SIGKILL; memory may be short)"):
    """The supervisor reports that the run's process is gone."""
    state = {"type": "Failed", "message": message}
    return await api.report(run, sequence, [{"state": state}], reporter="supervisor")


async def working(api, make_state, **flow):
    """A begun run whose task a-1 is running and whose task a-2 is done."""
    run = await api.begun(await api.register(**flow))
    states = [
        {"state": make_state("Running")},
        {"slug": "a-1", "state": make_state("Running")},
        {"slug": "a-2", "state": make_state("Success")},
    ]
    await api.report(run, 1, states)
    return run


async def again(api, run):
    """Claim and begin the run that has been offered again: due now instead of later."""
    assert await api.rows("update flow_run set due_at = now() where id = %s and due_at is not null returning id", run["id"])
    (claimed,) = (await api.claim(await api.agent()))["runs"]
    await api.call("begin_run", "lease", flow_run_id=run["id"], fence=claimed["fence"], holder="next process")
    return {**run, "fence": claimed["fence"]}


async def test_a_crash_is_healed_at_once(api, make_state):
    """A reported crash retries the task that ran, keeps what was done, and offers the run again after a pause, under another fence."""
    run = await working(api, make_state, retries=1)
    answer = await crash(api, run)
    assert answer["results"][0]["status"] == "SUCCESS"
    (row,) = await api.rows("select state, due_at > now() as later, times_resurrected, fence, phase, state_message from flow_run")
    assert (row["state"], row["later"], row["times_resurrected"], row["phase"]) == ("Scheduled", True, 1, None)
    assert "SIGKILL" in row["state_message"]
    tasks = await api.tasks_of(run["id"])
    assert (tasks["a-1"]["state"], tasks["a-1"]["attempt"]) == ("Retrying", 2)
    assert tasks["a-2"]["state"] == "Success"
    (line,) = await api.rows("select message, level from log")
    assert line["level"] == "ERROR"
    for part in ("a-1", str(run["id"]), "test process", f"fence {run['fence']}"):
        assert part in line["message"]
    late = await api.refused("report_run", "results", flow_run_id=run["id"], fence=run["fence"], reporter="engine", sequence=2, states=[])
    assert late.code is Code.FENCED


async def test_a_crash_without_retries_fails_the_task(api, make_state):
    """A task without retries fails with the crash; the run itself is offered again, so what waits downstream can be decided."""
    run = await working(api, make_state)
    await crash(api, run)
    assert (await api.tasks_of(run["id"]))["a-1"]["state"] == "Failed"
    assert await api.state(run["id"]) == "Scheduled"


async def test_crashes_use_lives_and_retries_up(api, make_state):
    """Each life begins after a longer pause; when all are used the run fails with the reason; retries are counted over crashes."""
    run = await working(api, make_state, retries=1)
    pauses = []
    for life in range(3):
        await crash(api, run)
        (row,) = await api.rows("select extract(epoch from due_at - now())::float as pause, times_resurrected as lives from flow_run")
        assert row["lives"] == life + 1
        pauses.append(round(row["pause"]))
        run = await again(api, run)
        await api.report(run, 1, [{"state": make_state("Running")}])
        states = [{"slug": "a-1", "state": make_state("Running")}]
        await api.report(run, 2, states)
    assert pauses == [5, 10, 20]
    await crash(api, run, message="ran out of memory")
    (row,) = await api.rows("select state, state_message, due_at, end_time is not null as ended from flow_run")
    assert (row["state"], row["due_at"], row["ended"]) == ("Failed", None, True)
    assert "ran out of memory" in row["state_message"]
    assert "3 lives" in row["state_message"]
    task = (await api.tasks_of(run["id"]))["a-1"]
    assert (task["state"], task["attempt"]) == ("Failed", 2)


async def test_a_supervisor_speaks_of_its_run_only(api, make_state):
    """Two words in one batch use one life; a task's state from a supervisor is refused; a crash after the end changes nothing."""
    run = await working(api, make_state)
    refused = await api.report(run, 1, [{"slug": "a-1", "state": make_state("Failed")}], reporter="supervisor")
    assert refused["results"][0]["code"] == Code.BAD_REQUEST
    await api.report(run, 1, [{"state": make_state("Failed")}, {"state": make_state("Failed")}], reporter="supervisor")
    assert (await api.rows("select times_resurrected as lives from flow_run"))[0]["lives"] == 1
    run = await again(api, run)
    await api.report(run, 1, [{"state": make_state("Running")}, {"state": make_state("Success")}])
    assert (await crash(api, run))["results"][0]["status"] == "SUCCESS"
    assert await api.state(run["id"]) == "Success"


async def test_a_supervisor_names_the_tasks_that_died_with_the_process(api, make_state):
    """A task whose start was lost with its process counts as begun: it fails, and is not run again without a retry of its own."""
    run = await api.begun(await api.register())
    died = [{"slug": "a-1", "state": make_state("Running")}, {"slug": "a-2", "map_index": 3, "state": make_state("Running")}]
    answer = await api.report(run, 1, [*died, {"state": make_state("Failed", message="was killed")}], reporter="supervisor")
    assert [r["status"] for r in answer["results"]] == ["SUCCESS"] * 3
    tasks = await api.rows("select k.slug, t.map_index, t.state from task_run t join task k on k.id = t.task_id order by 1, 2")
    assert [(t["slug"], t["map_index"], t["state"]) for t in tasks] == [("a-1", -1, "Failed"), ("a-2", -1, "Pending"), ("a-2", 3, "Failed")]
    assert await api.state(run["id"]) == "Scheduled"


async def test_a_silent_run_is_reaped(api, make_state):
    """A run whose lease is over is listed, taken from its owner and healed like a crash; a second reaper finds nothing to take."""
    run = await working(api, make_state, retries=1)
    await api.open_gate()
    service = await loops(api)
    before = (await service(EXPIRED))["expired_leases"]
    assert before["runs"] == []
    assert before["next_expiry"] is not None
    await api.expire(run["id"])
    (found,) = (await service(EXPIRED))["expired_leases"]["runs"]
    assert found == {"flow_run_id": str(run["id"]), "fence": run["fence"], "holder": "test process", "phase": "running"}
    assert (await reap(api, run))["status"] == "SUCCESS"
    assert (await reap(api, run))["code"] == Code.LEASE_ALIVE
    assert await api.state(run["id"]) == "Scheduled"
    assert (await api.tasks_of(run["id"]))["a-1"]["state"] == "Retrying"
    assert (await reap(api, {"id": uuid4(), "fence": 1}))["code"] == Code.NOT_FOUND


async def test_the_reaper_looks_again_before_it_takes(api, make_state):
    """A lease that was renewed after the reaper looked is alive; another fence is another claim."""
    run = await working(api, make_state)
    await api.open_gate()
    await api.expire(run["id"])
    assert len((await (await loops(api))(EXPIRED))["expired_leases"]["runs"]) == 1
    renewed = await api.call("renew_leases", "results", leases=[{"flow_run_id": run["id"], "fence": run["fence"]}])
    assert renewed["results"][0]["status"] == "OK"
    assert (await reap(api, run))["code"] == Code.LEASE_ALIVE
    await api.expire(run["id"])
    assert (await reap(api, run, fence=run["fence"] + 1))["code"] == Code.LEASE_ALIVE
    assert await api.state(run["id"]) == "Running"


async def test_an_outage_kills_nobody(api, make_state):
    """After a gap no lease counts as expired for one lease period; then it does. A Prefect 1 run gets its own, longer period."""
    native = await working(api, make_state)
    old = await api.create(await api.register1())
    document = "mutation($i: set_flow_run_states_input!) { set_flow_run_states(input: $i) { states { id } } }"
    await api(document, i={"states": [{"flow_run_id": old, "state": make_state("Running")}]})
    (row,) = await api.rows("select fence from flow_run where id = %s", old)
    prefect1 = {"id": old, "fence": row["fence"]}
    service = await loops(api)
    await service(EXPIRED)  # the first answer ever: closed
    for run in (native, prefect1):
        await api.expire(run["id"])
        assert (await reap(api, run))["code"] == Code.REAP_GATE_CLOSED
    closed = (await service(EXPIRED))["expired_leases"]
    assert closed["runs"] == []
    assert closed["gate_closed_until"] is not None
    shift = "update write_path set answered_at = now(), gate_closed_until = now() - make_interval(secs => %s) returning 1"
    await api.rows(shift, 1)
    assert [r["flow_run_id"] for r in (await service(EXPIRED))["expired_leases"]["runs"]] == [str(native["id"])]
    assert (await reap(api, prefect1))["code"] == Code.REAP_GATE_CLOSED
    assert (await reap(api, native))["status"] == "SUCCESS"
    await api.rows(shift, 76)
    assert [r["flow_run_id"] for r in (await service(EXPIRED))["expired_leases"]["runs"]] == [str(old)]
    assert (await reap(api, prefect1))["status"] == "SUCCESS"
    await api.rows("update write_path set answered_at = now() - interval '6 seconds' returning 1")
    assert (await service(EXPIRED))["expired_leases"]["gate_closed_until"] is not None


async def test_a_launch_that_never_begins_is_given_up(api):
    """After the launch deadline the agent cannot renew, and the run is reaped with that reason."""
    run_id = await api.create(await api.register())
    (claimed,) = (await api.claim(await api.agent(), launch_deadline=30))["runs"]
    run = {"id": run_id, "fence": claimed["fence"]}
    await api.open_gate()
    assert (await reap(api, run))["code"] == Code.LEASE_ALIVE
    await api.rows("update flow_run set launch_deadline = now() - interval '1 second' returning 1")
    lease = [{"flow_run_id": run_id, "fence": run["fence"]}]
    assert (await api.call("renew_leases", "results", leases=lease))["results"][0]["status"] == "FENCED"
    assert (await reap(api, run))["status"] == "SUCCESS"
    (row,) = await api.rows("select state_message from flow_run")
    assert "launch deadline" in row["state_message"]


async def test_an_agent_gives_a_run_back(api):
    """A released run is offered again after a pause, with the reason in its log; after three lives it fails; its fence is over."""
    run_id = await api.create(await api.register())
    agent = await api.agent()
    for life in range(4):
        (claimed,) = (await api.claim(agent))["runs"]
        given = {"flow_run_id": run_id, "fence": claimed["fence"], "reason": "no such image"}
        await api.call("release_run", **given)
        assert (await api.refused("release_run", **given)).code is Code.FENCED
        assert await api.state(run_id) == ("Scheduled" if life < 3 else "Failed")
        await api.rows("update flow_run set due_at = now() where due_at is not null returning 1")
    assert len(await api.rows("select 1 from log where message like '%%no such image%%'")) == 4


async def test_a_begun_run_cannot_be_given_back_or_begun_by_another(api):
    """Release is for launches only; the same process may begin again (a replay), another one may not."""
    run = await api.begun(await api.register())
    given = {"flow_run_id": run["id"], "fence": run["fence"]}
    assert (await api.refused("release_run", **given, reason="x")).code is Code.FENCED
    assert (await api.call("begin_run", "lease", **given, holder="test process"))["lease"] == 15
    assert (await api.refused("begin_run", "lease", **given, holder="another process")).code is Code.ALREADY_CLAIMED
    assert (await api.refused("begin_run", "lease", flow_run_id=run["id"], fence=99, holder="x")).code is Code.FENCED
    await api.report(run, 1, [{"state": {"type": "Failed", "message": "no"}}])
    assert (await api.refused("begin_run", "lease", **given, holder="test process")).code is Code.FENCED


async def test_each_lease_has_its_own_answer(api, make_state):
    """renew_leases answers per item, in order: OK, to be cancelled, fenced, finished, not found; also twice for one run."""
    flow = await api.register()
    ok, cancelled, done = [await api.begun(flow) for _ in range(3)]
    await api.call("cancel_flow_run", "state", flow_run_id=cancelled["id"])
    await api.report(done, 1, [{"state": make_state("Success")}])
    wanted = [(ok, 0), (ok, -1), (cancelled, 0), (done, 0), ({"id": uuid4(), "fence": 1}, 0)]
    leases = [{"flow_run_id": r["id"], "fence": r["fence"] + d} for r, d in wanted]
    results = (await api.call("renew_leases", "results", leases=leases))["results"]
    assert [(r["status"], r["cancel"]) for r in results] == [
        ("OK", False), ("FENCED", True), ("OK", True), ("FINISHED", False), ("NOT_FOUND", False),
    ]  # fmt: skip


async def test_cancel_at_each_phase(api, make_state):
    """Scheduled → Cancelled; launching and running → Cancelling, told to the owner; ended stays as it is."""
    flow = await api.register()

    async def cancel(run_id):
        return (await api.call("cancel_flow_run", "state", flow_run_id=run_id))["state"]

    scheduled = await api.create(flow)
    assert [await cancel(scheduled), await cancel(scheduled)] == ["Cancelled", "Cancelled"]
    assert {t["state"] for t in (await api.tasks_of(scheduled)).values()} == {"Cancelled"}
    assert (await api.claim(await api.agent()))["runs"] == []

    launching = await api.create(flow)
    (claimed,) = (await api.claim(await api.agent()))["runs"]
    assert await cancel(launching) == "Cancelling"
    await api.call("release_run", flow_run_id=launching, fence=claimed["fence"], reason="it was cancelled")
    assert await api.state(launching) == "Cancelled"

    run = await working(api, make_state)
    assert await cancel(run["id"]) == "Cancelling"
    answer = await api.report(run, 2, [{"slug": "a-1", "state": make_state("Success")}])
    assert answer["cancel"] is True
    await api.report(run, 3, [{"state": make_state("Cancelled")}])
    assert await api.state(run["id"]) == "Cancelled"
    assert await cancel(run["id"]) == "Cancelled"
    assert (await api.tasks_of(run["id"]))["a-1"]["state"] == "Success"

    silent = await working(api, make_state)
    assert await cancel(silent["id"]) == "Cancelling"
    await api.open_gate()
    await api.expire(silent["id"])
    assert (await reap(api, silent))["status"] == "SUCCESS"
    assert await api.state(silent["id"]) == "Cancelled"
    assert (await api.tasks_of(silent["id"]))["a-1"]["state"] == "Cancelled"

    ownerless = await working(api, make_state)
    await api.expire(ownerless["id"])
    assert await cancel(ownerless["id"]) == "Cancelled"
    assert (await api.refused("cancel_flow_run", "state", flow_run_id=uuid4())).code is Code.NOT_FOUND


async def test_a_restart_runs_what_failed(api, make_state):
    """A restart opens the next attempt: failed and cancelled tasks wait again, done ones stay; asking twice is asking once."""
    run = await api.begun(await api.register(tasks=3))
    states = [
        {"state": make_state("Running")},
        {"slug": "a-1", "state": make_state("Success")},
        {"slug": "a-2", "state": make_state("Failed")},
    ]
    states += [{"slug": "a-3", "state": make_state("TriggerFailed")}, {"state": make_state("Failed")}]
    await api.report(run, 1, states)
    for _ in range(2):
        await api.call("restart_flow_run", flow_run_id=run["id"])
    (row,) = await api.rows("select state, attempt, times_resurrected as lives, version, due_at <= now() as due from flow_run")
    assert (row["state"], row["attempt"], row["lives"], row["due"]) == ("Scheduled", 2, 0, True)
    tasks = await api.tasks_of(run["id"])
    assert {s: (t["state"], t["attempt"]) for s, t in tasks.items()} == {
        "a-1": ("Success", 1),
        "a-2": ("Pending", 2),
        "a-3": ("Pending", 2),
    }
    old = await api.report(run, 2, [{"slug": "a-2", "state": make_state("Success")}])
    assert old["results"][0]["code"] == Code.NOT_OWNED
    next_run = await again(api, run)
    assert next_run["fence"] > run["fence"]


@pytest.mark.parametrize(("kind", "advice"), [("Success", "create a new run"), ("Running", "cancel it first")])
async def test_only_what_failed_can_be_restarted(api, make_state, kind, advice):
    """A run that goes on, or has done its work, is not restarted; the sentence says what to do instead."""
    run = await api.begun(await api.register())
    await api.report(run, 1, [{"state": make_state(kind)}])
    refused = await api.refused("restart_flow_run", flow_run_id=run["id"])
    assert refused.code is Code.ILLEGAL_TRANSITION
    assert advice in refused.message
    assert await api.state(run["id"]) == kind


async def test_lazarus_offers_what_is_nowhere(api):
    """A run that is neither offered, owned nor waiting is found after a while and offered again, three times; then it fails."""
    run_id = await api.create(await api.register())
    service = await loops(api)
    stranded = "{ stranded_flow_runs { flow_run_id state lives } }"
    assert (await service(stranded))["stranded_flow_runs"] == []
    refused = await service.call("reoffer_flow_runs", "results", flow_run_ids=[run_id, uuid4()])
    assert [r["code"] for r in refused["results"]] == [Code.NOT_STRANDED, Code.NOT_FOUND]
    for life in range(4):
        await api.rows("update flow_run set due_at = null, state_timestamp = now() - interval '1 minute' returning 1")
        (found,) = (await service(stranded))["stranded_flow_runs"]
        assert found == {"flow_run_id": str(run_id), "state": "Scheduled", "lives": life}
        (answer,) = (await service.call("reoffer_flow_runs", "results", flow_run_ids=[run_id]))["results"]
        assert answer["status"] == "SUCCESS"
        assert await api.state(run_id) == ("Scheduled" if life < 3 else "Failed")
    (row,) = await api.rows("select state_message from flow_run")
    assert "lives are used" in row["state_message"]


async def test_a_report_on_an_unclaimed_run_is_refused(api, make_state):
    """Fence 0 is nobody's claim: a run that nobody has claimed cannot be reported on."""
    run_id = await api.create(await api.register())
    answer = await api.report(
        {"id": run_id, "fence": 0}, 1, [{"state": make_state("Running")}, {"slug": "a-1", "state": make_state("Success")}]
    )
    assert [r["code"] for r in answer["results"]] == [Code.NOT_OWNED, Code.NOT_OWNED]
    assert await api.state(run_id) == "Scheduled"


async def test_odd_items_spoil_nothing(api, make_state):
    """Items that name their task in an unreadable way are refused one by one; logs with such names stay lines of the run."""
    run = await api.begun(await api.register())
    odd = [{"slug": "a-1", "map_index": 2**40}, {"slug": 7}, {"task_run_id": "no id"}, {"slug": "a-1", "map_index": -7}]
    states = [{**o, "state": make_state("Success")} for o in odd] + [{"state": make_state("Running")}]
    answer = await api.report(
        run, 1, states, logs=[{**o, "message": "m"} for o in odd], artifacts=[{"slug": "a-1", "kind": "link", "data": {}}]
    )
    assert [r.get("code", "ok") for r in answer["results"]] == [Code.UNKNOWN_TASK] * 4 + ["ok"]
    assert [r["task_run_id"] for r in await api.rows("select task_run_id from log")] == [None] * 4
    assert len(await api.rows("select 1 from task_run_artifact")) == 1


async def test_times_and_values_that_nobody_could_read_back_are_refused(api, make_state):
    """A time beyond year 9999, a state too large, JSON too deep: each is refused with its code, and U+0000 is replaced."""
    run = await api.begun(await api.register())
    late = "9999-12-31T23:59:59-14:00"
    deep: list = []
    for _ in range(200):
        deep = [deep]
    states = [
        {"state": {"type": "Scheduled", "start_time": late}},
        {"state": {"type": "Running", "message": 7}},
        {"state": {"type": "Running", "x": "y" * 1_100_000}},
        {"state": make_state("Running", note="literal \\u0000 and real \x00"), "timestamp": late},
    ]
    answer = await api.report(run, 1, states)
    assert [r.get("code", "ok") for r in answer["results"]] == [Code.BAD_STATE, Code.BAD_STATE, Code.STATE_TOO_LARGE, "ok"]
    (row,) = await api.rows("select serialized_state ->> 'note' as note from flow_run")
    assert row["note"] == "literal \\u0000 and real \ufffd"
    refused = await api.refused("create_flow_run", "id", flow_id=uuid4(), parameters=deep)
    assert refused.code is Code.BAD_REQUEST
    refused = await api.refused("create_flow_run", "id", flow_id=uuid4(), scheduled_start_time=late)
    assert refused.code is Code.BAD_REQUEST
    refused = await api.refused("create_flow_run", "id", flow_id=await api.register(), idempotency_key="".join(map(str, range(3000))))
    assert refused.code is Code.LIMIT_EXCEEDED
