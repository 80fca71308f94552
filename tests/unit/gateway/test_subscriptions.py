"""What each subscription sends, and to whom it does not."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import UUID

import pytest

from towpath_gateway.subscriptions.hints import PENDING, Hints, read_hint
from towpath_gateway.subscriptions.paging import FIRST_PAGE, LONGEST_PAGE, PAGE
from towpath_proto import subjects
from towpath_service_kit import identity
from towpath_service_kit.bus import BusMessage
from towpath_service_kit.metrics import Metrics
from towpath_service_kit.testing import ManualClock, MemoryBus

TENANT = UUID("01930000-0000-7000-8000-000000000001")
OTHER = UUID("01930000-0000-7000-8000-000000000002")
RUN = UUID("01930000-0000-7000-8000-0000000000aa")
RUN_2 = UUID("01930000-0000-7000-8000-0000000000bb")
FLOW = UUID("01930000-0000-7000-8000-0000000000ff")
SECRET = "identity secret of the tests"
STATE = {"flow_run_id": str(RUN), "flow_id": str(FLOW), "state": "Running", "version": 3, "attempt": 1, "message": "m", "fence": 2}
EVENTS = "subscription($id: UUID) { e: flow_run_events(flow_run_id: $id) { type flow_run_id ...F } } fragment F on flow_run_event { state }"
LOGS = "subscription($id: UUID!, $after: DateTime) { log_stream(flow_run_id: $id, after: $after) { logs { id message } } }"


def _log(milliseconds: int, number: int = 0, message: str = "", timestamp: str = "2026-01-01T00:00:00+00:00") -> dict[str, Any]:
    row_id = UUID(int=(milliseconds << 80) | (7 << 76) | (0b10 << 62) | number)
    return {"id": str(row_id), "flow_run_id": str(RUN), "timestamp": timestamp, "message": message or str(milliseconds)}


async def test_flow_run_events_of_one_run(harness: Any) -> None:
    """A run's events come in order, shaped by the selection; those of other runs do not."""
    socket = await harness.socket().begin()
    socket.subscribe("1", EVENTS, {"id": str(RUN)})
    await _listening(harness, socket)
    await harness.publish("flow_run.state", RUN_2, {**STATE, "flow_run_id": str(RUN_2)})
    await harness.publish("flow_run.state", RUN, STATE)
    await harness.publish("flow_run.cancel", RUN, {"flow_run_id": str(RUN), "fence": 2})
    assert await socket.next("1") == {"e": {"type": "flow_run.state", "flow_run_id": str(RUN), "state": "Running"}}
    assert await socket.next("1") == {"e": {"type": "flow_run.cancel", "flow_run_id": str(RUN), "state": None}}


async def _listening(harness: Any, socket: Any) -> None:
    """Wait until what was subscribed before is in place."""
    socket.subscribe("in place", "subscription { agent_work { reason } }")
    while (await socket.hear())["id"] != "in place":
        pass
    socket.say({"type": "complete", "id": "in place"})


async def test_nobody_hears_another_tenant(make: Any) -> None:
    """Whatever a subscription names, only events of the caller's tenant come; the loops hear all."""
    harness = await make(auth=True)
    keys = {}
    for tenant in (TENANT, OTHER):
        keys[tenant] = identity.make_api_key()
        harness.business.keys[identity.hash_api_key(keys[tenant])] = {"tenant_id": str(tenant), "role": "operator", "actor": "k"}
    sockets = {}
    for name, credential in ((TENANT, keys[TENANT]), (OTHER, keys[OTHER]), (None, "service token of the tests")):
        sockets[name] = await harness.socket({"authorization": f"Bearer {credential}"}).begin()
        sockets[name].subscribe("1", EVENTS, {"id": str(RUN)})
        sockets[name].subscribe("2", EVENTS)
        await _listening(harness, sockets[name])
    await harness.publish("flow_run.state", RUN, STATE, tenant=TENANT)
    for name in (TENANT, None):
        assert {(await sockets[name].hear())["id"] for _ in "12"} == {"1", "2"}
    await harness.publish("flow_run.state", RUN, {**STATE, "state": "Success"}, tenant=OTHER)
    assert (await sockets[OTHER].hear())["payload"]["data"]["e"]["state"] == "Success"
    assert sockets[TENANT].nothing()


async def test_a_caller_of_no_tenant_hears_nothing(harness: Any) -> None:
    """Before the first tenant exists, the local admin is of no tenant; that does not mean all tenants."""
    harness.business.data["auth_info"] = {"tenant_id": None}
    socket = await harness.socket().begin()
    socket.subscribe("1", EVENTS)
    await _listening(harness, socket)
    await harness.publish("flow_run.state", RUN, STATE)
    socket.subscribe("2", "{ hello }")
    assert await socket.next("2") == {"hello": "ahoy"}


async def test_a_run_hears_of_itself_only(make: Any) -> None:
    """A run's token opens its own run's events, and not the agents' doorbell."""
    harness = await make(auth=True)
    token = identity.make_run_token(SECRET, TENANT, RUN, 1)
    socket = await harness.socket({"authorization": f"Bearer {token}"}).begin()
    for query in (EVENTS, LOGS):
        socket.subscribe("1", query, {"id": str(RUN_2)})
        assert (await socket.hear())["payload"][0]["extensions"]["code"] == "FORBIDDEN"
    socket.subscribe("2", "subscription { agent_work { reason } }")
    assert (await socket.hear())["payload"][0]["extensions"]["code"] == "FORBIDDEN"
    socket.subscribe("3", EVENTS)
    socket.subscribe("4", LOGS, {"id": str(RUN)})
    harness.read.tables["log"] = [_log(1_000)]
    await harness.publish("log.written", RUN, {"flow_run_id": str(RUN), "count": 1, "last_id": _log(1_000)["id"]})
    await socket.next("4")
    await harness.publish("flow_run.state", RUN_2, STATE)
    await harness.publish("flow_run.state", RUN, STATE)
    assert (await socket.next("3"))["e"]["flow_run_id"] == str(RUN)


async def test_task_run_events(harness: Any) -> None:
    """Changes of a run's task runs come as the event has them."""
    socket = await harness.socket().begin()
    query = "subscription($id: UUID!) { task_run_events(flow_run_id: $id) { count changes { task_run_id slug state version } } }"
    socket.subscribe("1", query, {"id": str(RUN)})
    await _listening(harness, socket)
    change = {"task_run_id": str(FLOW), "slug": "s-1", "state": "Success", "version": 2}
    await harness.publish("task_run.states", RUN, {"flow_run_id": str(RUN), "changes": [change], "count": 1})
    assert await socket.next("1") == {"task_run_events": {"count": 1, "changes": [change]}}


async def test_agents_are_woken(harness: Any) -> None:
    """An agent gets a hint at connection, one for each event that concerns it, and one when some may have been lost."""
    socket = await harness.socket().begin()
    socket.subscribe("1", "subscription { agent_work { reason flow_run_id due labels run_config_type } }")
    maybe = {"reason": "offered", "flow_run_id": None, "due": None, "labels": None, "run_config_type": None}
    assert await socket.next("1") == {"agent_work": maybe}
    offer = {"flow_run_id": str(RUN), "due": "2026-01-01T00:00:00+00:00", "labels": ["a"], "run_config_type": "LocalRun"}
    await harness.publish("flow_run.offered", RUN, offer)
    assert await socket.next("1") == {"agent_work": {**offer, "reason": "offered"}}
    await harness.publish("flow_run.cancel", RUN, {"flow_run_id": str(RUN), "fence": 1})
    assert (await socket.next("1"))["agent_work"] == {**maybe, "reason": "cancel", "flow_run_id": str(RUN)}
    harness.bus.disconnect()
    harness.bus.reconnect()
    assert await socket.next("1") == {"agent_work": maybe}


async def test_a_slow_reader_costs_bounded_memory_and_learns_that_it_missed(harness: Any) -> None:
    """While a client takes nothing, the newest hints are kept in bounded number; afterwards it hears `missed` first."""
    socket = await harness.socket().begin()
    socket.subscribe("1", EVENTS)
    await _listening(harness, socket)
    socket.gate.clear()
    for i in range(PENDING * 3):
        await harness.publish("flow_run.state", RUN, {**STATE, "state": f"S{i}"})
    socket.gate.set()
    heard = []
    while not heard or heard[-1]["state"] != f"S{PENDING * 3 - 1}":
        heard.append((await socket.next("1"))["e"])
    states = [e["state"] for e in heard if e["type"] != "missed"]
    assert states == sorted(states, key=lambda s: int(s[1:]))
    assert "missed" in [e["type"] for e in heard]
    assert len(heard) <= 2 * PENDING + 3


async def test_an_event_that_comes_twice_is_heard_once(harness: Any) -> None:
    """The relay may publish an event again; subscribers do not notice."""
    socket = await harness.socket().begin()
    socket.subscribe("1", EVENTS)
    await _listening(harness, socket)
    for state in ("first", "again"):
        await harness.publish("flow_run.state", RUN, {**STATE, "state": state}, event_id=str(FLOW))
    await harness.publish("flow_run.state", RUN, {**STATE, "state": "other"})
    assert [(await socket.next("1"))["e"]["state"] for _ in "12"] == ["first", "other"]


@pytest.mark.parametrize(
    ("subject", "payload"),
    [
        ("towpath.v1.x.flow_run.y.state", b"{}"),
        (subjects.subject("flow_run.state", str(TENANT), str(RUN)), b"not json"),
        (subjects.subject("flow_run.state", str(TENANT), str(RUN)), b"[]"),
        (subjects.subject("flow_run.state", str(TENANT), str(RUN)), b'{"event_id":"1","data":[],"tenant_id":"%s"}' % str(TENANT).encode()),
        (subjects.subject("flow_run.state", str(TENANT), str(RUN)), b'{"event_id":"1","data":{},"tenant_id":"%s"}' % str(OTHER).encode()),
        (f"towpath.v1.{TENANT}.flow_run.{RUN}.nonsense", b'{"event_id":"1","data":{},"tenant_id":"%s"}' % str(TENANT).encode()),
        ("towpath.v1.too.short", b"{}"),
    ],
)
async def test_what_is_no_event_is_left_out(subject: str, payload: bytes) -> None:
    """A message that is no event, or whose body says another tenant than its subject, is counted and nothing more."""
    assert read_hint(BusMessage(subject, payload)) is None
    bus, metrics = MemoryBus(), Metrics(process=False)
    hints = Hints(bus, ManualClock(), metrics)
    await bus.start()
    await hints.start()
    async with hints.listen(TENANT, None, frozenset({"flow_run.state"})) as listener:
        await bus.publish(subject, payload)
        await bus.flush()
        assert metrics.value("towpath_gateway_hints_unreadable_total") == subject.endswith(".state")
        assert listener.take() == ([], False)
    await bus.close()


async def test_the_bus_is_asked_only_for_what_somebody_listens_for(harness: Any) -> None:
    """Types of event are subscribed to with their first listener and left with their last; the order of types is that of what happened."""
    assert harness.bus.patterns() == []
    socket = await harness.socket().begin()
    socket.subscribe("1", LOGS, {"id": str(RUN)})
    socket.subscribe("2", LOGS, {"id": str(RUN_2)})
    socket.subscribe("3", "subscription { agent_work { reason } }")
    await socket.next("3")
    logs = subjects.pattern("log.written")
    runs = [subjects.pattern(f"flow_run.{kind}") for kind in ("cancel", "created", "offered")]
    assert harness.bus.patterns() == sorted([logs, *runs])
    socket.say({"type": "complete", "id": "1"})
    socket.say({"type": "complete", "id": "3"})
    await harness.until(lambda: harness.bus.patterns() == [logs])
    harness.read.tables["log"] = [_log(1_000)]
    await harness.publish("log.written", RUN_2, {"flow_run_id": str(RUN_2), "count": 1, "last_id": _log(1_000)["id"]})
    socket.leave()
    await harness.until(lambda: not harness.bus.patterns())


async def test_a_listener_that_is_cancelled_leaves_no_subscription_behind() -> None:
    """Whatever moment the cancel comes at."""
    bus, hints = MemoryBus(), None
    hints = Hints(bus, ManualClock(), Metrics(process=False))
    await bus.start()
    await hints.start()

    async def listen() -> None:
        async with hints.listen(TENANT, None, frozenset(subjects.EVENT_TYPES)):
            await asyncio.Event().wait()

    for turns in range(12):
        task = asyncio.create_task(listen())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await hints.stop()
    assert bus.patterns() == []
    await bus.close()


async def test_a_bus_that_answers_late_is_told_as_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who began without the bus may have missed something by the time that the bus hears for it, and looks again."""
    monkeypatch.setattr("towpath_gateway.subscriptions.hints.PATIENCE", 0.0)
    answers = asyncio.Event()

    class LateBus(MemoryBus):
        async def subscribe(self, pattern: str, handler: Any) -> Any:
            await answers.wait()
            return await super().subscribe(pattern, handler)

    bus = LateBus()
    hints = Hints(bus, ManualClock(), Metrics(process=False))
    await bus.start()
    await hints.start()
    async with hints.listen(TENANT, None, frozenset({"flow_run.created"})) as listener:
        assert listener.take() == ([], False)
        answers.set()
        async with asyncio.timeout(60):
            assert await listener.wait(3_600)
        assert listener.take() == ([], True)
    await hints.stop()
    await bus.close()


async def test_log_stream_gives_what_is_stored_and_then_what_comes(harness: Any) -> None:
    """First the stored rows, page by page; then new ones as hints arrive; each once."""
    rows = [_log(1_000_000 + i) for i in range(3 * PAGE)]
    harness.read.tables["log"] = list(rows)
    socket = await harness.socket().begin()
    socket.subscribe("1", LOGS, {"id": str(RUN)})
    pages: list[list[Any]] = []
    while sum(map(len, pages)) < len(rows):
        pages.append((await socket.next("1"))["log_stream"]["logs"])
    assert [r["id"] for page in pages for r in page] == [r["id"] for r in rows]
    assert [len(page) for page in pages[:2]] == [FIRST_PAGE, 2 * FIRST_PAGE]
    assert max(map(len, pages)) == PAGE
    harness.read.tables["log"].append(_log(2_000_000))
    await harness.publish("log.written", RUN, {"flow_run_id": str(RUN), "count": 1, "last_id": str(FLOW)})
    assert [r["message"] for r in (await socket.next("1"))["log_stream"]["logs"]] == ["2000000"]


async def test_log_stream_finds_rows_that_appear_late(harness: Any) -> None:
    """A row whose transaction commits after a younger one is still given, and nothing is given twice."""
    harness.read.tables["log"] = [_log(1_000_000), _log(1_001_500)]
    socket = await harness.socket().begin()
    socket.subscribe("1", LOGS, {"id": str(RUN)})
    await socket.next("1")
    harness.read.tables["log"] += [_log(1_000_900), _log(1_002_000)]
    await harness.publish("log.written", RUN, {"flow_run_id": str(RUN), "count": 1, "last_id": str(FLOW)})
    assert [r["message"] for r in (await socket.next("1"))["log_stream"]["logs"]] == ["1000900", "1002000"]


async def test_log_stream_gives_long_rows_in_shorter_pages(make: Any) -> None:
    """Rows of which the usual page is more than the gateway holds come all the same, in pages of about the length that clients take."""
    harness = await make(max_held_bytes=2_000_000)
    rows = [_log(1_000_000 + i, message=str(i) * 60_000 if i % 2 else "short") for i in range(100)]
    harness.read.tables["log"] = list(rows)
    socket = await harness.socket().begin()
    socket.subscribe("1", LOGS, {"id": str(RUN)})
    pages: list[list[Any]] = []
    while sum(map(len, pages)) < len(rows):
        pages.append((await socket.next("1"))["log_stream"]["logs"])
    assert [r["id"] for page in pages for r in page] == [r["id"] for r in rows]
    assert max(len(json.dumps(page)) for page in pages) <= LONGEST_PAGE


async def test_log_stream_sweeps_for_lost_hints(harness: Any) -> None:
    """Without any hint new rows come by the timer, those that were ten seconds late included."""
    harness.read.tables["log"] = [_log(1_020_000)]
    socket = await harness.socket().begin()
    socket.subscribe("1", LOGS, {"id": str(RUN)})
    await socket.next("1")
    harness.read.tables["log"].append(_log(1_010_000))
    await harness.waits(5)
    harness.clock.advance(5)
    assert [r["message"] for r in (await socket.next("1"))["log_stream"]["logs"]] == ["1010000"]


async def test_log_stream_survives_the_read_back_end(harness: Any) -> None:
    """While the read back end is away the stream waits; it goes on where it was."""
    harness.read.status = 503
    socket = await harness.socket().begin()
    socket.subscribe("1", LOGS, {"id": str(RUN)})
    await harness.waits(5)
    harness.read.status = 200
    harness.read.tables["log"] = [_log(1_000)]
    harness.clock.advance(5)
    assert [r["message"] for r in (await socket.next("1"))["log_stream"]["logs"]] == ["1000"]


async def test_log_stream_goes_on_after_a_row(harness: Any) -> None:
    """`after_id` leaves out the row and what was long before it, whatever its writer's clock says; what may have come late comes again."""
    known = _log(1_020_000, timestamp="2030-01-01T00:00:00+00:00")
    late = _log(1_019_000, timestamp="2020-01-01T00:00:00+00:00")
    harness.read.tables["log"] = [_log(1_000_000), late, known, _log(1_020_001, timestamp="2020-01-01T00:00:00+00:00")]
    socket = await harness.socket().begin()
    query = "subscription($id: UUID!, $after_id: UUID) { log_stream(flow_run_id: $id, after_id: $after_id) { logs { id message } } }"
    socket.subscribe("1", query, {"id": str(RUN), "after_id": known["id"]})
    assert [r["message"] for r in (await socket.next("1"))["log_stream"]["logs"]] == ["1019000", "1020001"]


async def test_log_stream_after_a_time(harness: Any) -> None:
    """`after` leaves out rows with an earlier timestamp."""
    harness.read.tables["log"] = [
        _log(1_000, timestamp="2026-01-01T00:00:00+00:00"),
        _log(1_001, timestamp="2026-01-02T00:00:00+00:00"),
    ]
    socket = await harness.socket().begin()
    socket.subscribe("1", LOGS, {"id": str(RUN), "after": "2026-01-01T12:00:00"})
    assert [r["message"] for r in (await socket.next("1"))["log_stream"]["logs"]] == ["1001"]
