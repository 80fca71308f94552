"""Events: they follow from commits alone, wait while the bus is away, and have the shape that proto promises."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from uuid import UUID, uuid4

import jsonschema
import pytest

from towpath_graphql.app.ports import Json
from towpath_graphql.domain.runs import Event
from towpath_graphql.main import Config, build
from towpath_proto import subjects
from towpath_proto.errors import Code, TowpathError
from towpath_proto.timers import SCHEDULE_AHEAD
from towpath_service_kit.bus import NatsBus
from towpath_service_kit.settings import Secret
from towpath_service_kit.upstream import AsgiUpstream

SECRET = "a-secret-of-the-tests-that-is-long-enough"


async def published(api, event_type, count=1):
    """The first `count` events of a type, as soon as they are there."""
    wanted = subjects.EVENT_TYPES[event_type]
    async with asyncio.timeout(60):
        while True:
            found = [m for m in api.bus.published if (p := m.subject.split("."))[3] == wanted[0] and p[5] == wanted[1]]
            if len(found) >= count:
                return [json.loads(m.payload) for m in found]
            await asyncio.sleep(0.005)


async def outbox(api):
    """Types of the rows that are still to be published."""
    return [r["type"] for r in await api.rows("select type from outbox order by id")]


async def all_kinds(api, make_state):
    """Do something that is told of, of every kind."""
    run = await api.begun(await api.register(schedule={"clocks": [{"type": "CronClock", "cron": "0 3 * * *"}]}))
    long = make_state("Running")
    long["message"] = "x" * 100_000
    await api.report(run, 1, [{"state": long}, {"slug": "a-1", "state": long}], logs=[{"message": "m"}])
    await api.call("cancel_flow_run", "state", flow_run_id=run["id"])
    await api.call("create_cloud_hook", "id", tenant_id=api.identity.tenant, type="PREFECT_MESSAGE", states=["FAILED"])
    return run


async def test_every_event_has_the_shape_of_its_schema(api, make_state):
    """Each type that proto names is published by the service, on its subject, small enough for NATS, with data that its schema takes."""
    run = await all_kinds(api, make_state)
    for event_type in subjects.EVENT_TYPES:
        for body in await published(api, event_type):
            assert (body["type"], body["version"], body["tenant_id"]) == (event_type, 1, str(api.identity.tenant))
            jsonschema.validate(body["data"], subjects.schema(event_type), format_checker=jsonschema.FormatChecker())
    assert max(len(m.payload) for m in api.bus.published) < 10_000
    told = [b["data"] for b in await published(api, "flow_run.state", 4 + SCHEDULE_AHEAD)]
    states = [d["state"] for d in told if d["flow_run_id"] == str(run["id"])]
    assert states == ["Scheduled", "Submitted", "Running", "Cancelling"]
    (cancel,) = await published(api, "flow_run.cancel")
    assert cancel["data"] == {"flow_run_id": str(run["id"]), "fence": run["fence"]}
    (tasks,) = await published(api, "task_run.states")
    assert [(c["slug"], c["state"], c["version"]) for c in tasks["data"]["changes"]] == [("a-1", "Running", 1)]
    ids = [UUID(json.loads(m.payload)["event_id"]) for m in api.bus.published]
    assert len(set(ids)) == len(ids)


async def test_events_wait_while_the_bus_is_away(api, make_state):
    """What commits while NATS is away stays in the outbox, and is published once it is back; nothing waits for it."""
    flow = await api.register()
    await published(api, "flow.registered")
    api.bus.disconnect()
    before = len(api.bus.published)
    await api.create(flow)
    waiting = await outbox(api)
    assert waiting == ["flow_run.created", "flow_run.state", "flow_run.offered"]
    api.bus.reconnect()
    await api.create(flow)
    await published(api, "flow_run.created", 2)
    assert len(api.bus.published) >= before + 6
    async with asyncio.timeout(60):
        while await outbox(api):  # noqa: ASYNC110 - the last transaction commits after its messages went out
            await asyncio.sleep(0.01)


async def test_what_is_rolled_back_is_not_told(api):
    """A transaction that fails leaves neither rows nor events."""

    async def fail() -> None:
        async with api.service.store.transaction() as tx:
            tenant = api.identity.tenant
            await tx.one("insert_project", id=uuid4(), tenant_id=tenant, name="ghost", description=None)
            tx.publish([Event("flow_run.cancel", tenant, uuid4(), {})])
            raise TowpathError(Code.INTERNAL, "stop")

    with pytest.raises(TowpathError, match="stop"):
        await fail()
    assert await outbox(api) == []
    assert await api.rows("select 1 from project where name = 'ghost'") == []
    assert await api.rows("select 1 from event") == []


async def test_stale_hints_are_dropped(api):
    """A hint older than ten minutes is dropped instead of published: everybody has swept since."""
    flow = await api.register()
    await published(api, "flow.registered")
    api.bus.disconnect()
    await api.create(flow)
    await api.rows("update outbox set occurred_at = now() - interval '11 minutes' returning 1")
    before = len(api.bus.published)
    api.bus.reconnect()
    await api.call("create_project", "id", name="to wake the relay")
    await api.create(flow)
    await published(api, "flow_run.created")
    new = [json.loads(m.payload)["type"] for m in api.bus.published[before:]]
    assert new.count("flow_run.created") == 1
    assert await outbox(api) == []


async def test_two_replicas_publish_each_event_once(api, make_state):
    """Two services on one database share the outbox: each row is published by one of them."""
    other = build(Config(Secret(api.dsn), Secret(SECRET)), bus=api.bus)
    await other.start()
    second = replace(api, upstream=AsgiUpstream(other.app))
    await api.until_ready(other)
    try:
        flow = await api.register()
        made = await asyncio.gather(*(x.call("create_flow_run", "id", flow_id=flow) for x in (api, second) * 5))
        events = await published(api, "flow_run.created", 10)
    finally:
        await other.stop()
    assert sorted(e["data"]["flow_run_id"] for e in events) == sorted(m["id"] for m in made)


async def test_over_real_nats(api, nats_server):
    """On a real NATS the events of a run arrive at a subscriber of its tenant."""
    publisher, listener = NatsBus(nats_server.url, name="p"), NatsBus(nats_server.url, name="s")
    service = build(Config(Secret(api.dsn), Secret(SECRET)), bus=publisher)
    heard: asyncio.Queue[dict] = asyncio.Queue()

    async def hear(message):
        heard.put_nowait(json.loads(message.payload))

    try:
        for bus in (publisher, listener):
            await bus.start()
            await bus.wait_connected()
        await listener.subscribe(subjects.pattern("flow_run.created", str(api.identity.tenant)), hear)
        api.bus.disconnect()  # the fixture's own relay keeps its hands off
        await service.start()
        await api.until_ready(service)
        there = replace(api, upstream=AsgiUpstream(service.app))
        run_id = await there.create(await there.register())
        async with asyncio.timeout(60):
            assert (await heard.get())["data"]["flow_run_id"] == str(run_id)
    finally:
        await service.stop()
        for bus in (publisher, listener):
            await bus.close()


async def test_a_service_without_a_bus_empties_the_outbox(new_database, migrated):
    """Without NATS nobody publishes: what is old is dropped, so the outbox does not grow for ever."""
    service = build(Config(Secret(new_database(migrated)), Secret(SECRET)))
    await service.store.open()
    try:
        async with service.store.transaction() as tx:
            tenant = await tx.one("default_tenant")
            row = {"id": str(uuid4()), "tenant_id": str(tenant["id"]), "type": "log.written", "entity_id": str(uuid4()), "data": {}}
            await tx.run("write_events", rows=Json([row]))
        async with service.store.transaction() as tx:
            assert await tx.run("drop_stale_outbox", age=600.0) == 0
        async with service.store.transaction() as tx:
            assert await tx.run("drop_stale_outbox", age=-1.0) == 1
    finally:
        await service.stop()
