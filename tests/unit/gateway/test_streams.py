"""Hasura's streaming subscriptions: rows in the order of a column, each once, at the pace of the client."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
from graphql import parse

from towpath_gateway.splitting import BusinessFields, choose_operation, split
from towpath_gateway.subscriptions.live import AT_A_TIME, DEBOUNCE
from towpath_gateway.subscriptions.paging import LONGEST_PAGE
from towpath_service_kit import identity

TENANT = UUID("01930000-0000-7000-8000-000000000001")
RUN = UUID("01930000-0000-7000-8000-0000000000aa")
FLOW = UUID("01930000-0000-7000-8000-0000000000ff")
STATE = {"flow_run_id": str(RUN), "flow_id": str(FLOW), "state": "Running", "version": 3, "attempt": 1, "message": "m", "fence": 2}
STREAM = """subscription Rows($n: Int!, $from: flow_run_stream_cursor_value_input!) { ...Root }
    fragment Root on subscription_root { runs: flow_run_stream(batch_size: $n, cursor: [{initial_value: $from}]) { id } }"""
FROM_START = {"n": 2, "from": {"id": "0"}}


def _rows(*ids: int) -> list[dict[str, Any]]:
    return [{"id": str(i), "name": "canal"} for i in ids]


def _ids(data: Any) -> list[str]:
    return [row["id"] for row in data["runs"]]


async def test_batches_of_what_is_there_and_then_of_what_comes(harness: Any) -> None:
    """As many rows as the client takes at a time, in order; no batch is empty; what an event or, at last, the timer finds follows."""
    harness.read.tables["flow_run"] = _rows(1, 2, 3)
    socket = await harness.socket().begin()
    socket.subscribe("1", STREAM, FROM_START)
    assert [_ids(await socket.next("1")) for _ in "12"] == [["1", "2"], ["3"]]
    await harness.waits(15)
    harness.read.tables["flow_run"] += _rows(4)
    await harness.publish("flow_run.state", RUN, STATE)
    await harness.waits(DEBOUNCE)
    harness.clock.advance(DEBOUNCE)
    assert _ids(await socket.next("1")) == ["4"]
    await harness.waits(15)
    harness.clock.advance(10)
    await harness.publish("flow_run.state", RUN, STATE)
    await harness.waits(15)
    assert socket.nothing()
    harness.read.tables["flow_run"] += _rows(5, 6, 7)
    harness.clock.advance(15)
    assert [_ids(await socket.next("1")) for _ in "12"] == [["5", "6"], ["7"]]
    assert harness.metric("towpath_gateway_streams") == 1
    socket.leave()
    await harness.until(lambda: not harness.metric("towpath_gateway_streams"))


async def test_the_older_protocol_streams_too(harness: Any) -> None:
    """Clients of `graphql-ws` get the same under its words, and can end a stream."""
    harness.read.tables["flow_run"] = _rows(1)
    socket = harness.socket(protocols=("graphql-ws",))
    await socket.raw()
    socket.say({"type": "connection_init", "payload": {}})
    assert await socket.hear() == {"type": "connection_ack"}
    socket.say({"id": "1", "type": "start", "payload": {"query": STREAM, "variables": FROM_START}})
    assert await socket.hear() == {"id": "1", "type": "data", "payload": {"data": {"runs": [{"id": "1"}]}}}
    socket.say({"id": "1", "type": "stop"})
    await harness.until(lambda: not harness.metric("towpath_gateway_streams"))


async def test_a_slow_client_is_read_for_when_it_is_ready(harness: Any) -> None:
    """While a batch waits to be taken no other one is read; afterwards every row comes."""
    harness.read.tables["flow_run"] = _rows(*range(100, 140))
    socket = await harness.socket().begin()
    socket.gate.clear()
    socket.subscribe("1", STREAM, FROM_START)
    await harness.until(lambda: len(harness.read.seen) > 0)
    quick = await harness.socket().begin()
    quick.subscribe("1", STREAM, FROM_START)
    heard = [_ids(await quick.next("1")) for _ in range(20)]
    assert len(harness.read.seen) <= 2 + 20 + 1
    socket.gate.set()
    assert [_ids(await socket.next("1")) for _ in range(20)] == heard
    assert [i for batch in heard for i in batch] == [str(i) for i in range(100, 140)]


async def test_long_rows_come_in_smaller_batches(make: Any) -> None:
    """A batch that the gateway may not hold, or that clients would not take, is divided."""
    harness = await make(max_held_bytes=2_000_000)
    harness.read.tables["flow_run"] = [{"id": str(1_000 + i), "name": "x" * 100_000} for i in range(60)]
    socket = await harness.socket().begin()
    socket.subscribe("1", STREAM.replace("{ id }", "{ id name }"), {"n": 1_000, "from": {"id": "0"}})
    heard: list[str] = []
    longest = 0
    while len(heard) < 60:
        data = await socket.next("1")
        longest = max(longest, len(json.dumps(data)))
        heard += _ids(data)
    assert heard == [str(1_000 + i) for i in range(60)]
    assert longest <= LONGEST_PAGE


async def test_one_row_that_cannot_be_held_ends_the_stream(make: Any) -> None:
    """There is no smaller batch than one row: the stream says so, and does not leave the row out."""
    harness = await make(max_held_bytes=50_000)
    harness.read.tables["flow_run"] = [{"id": "1", "name": "x" * 100_000}]
    socket = await harness.socket().begin()
    socket.subscribe("1", STREAM.replace("{ id }", "{ id name }"), FROM_START)
    message = await socket.hear()
    assert (message["type"], message["payload"][0]["extensions"]["code"]) == ("error", "LIMIT_EXCEEDED")


async def test_a_stream_survives_what_passes(harness: Any) -> None:
    """While reads are away one result says so; then the rows come from where it was."""
    harness.read.tables["flow_run"] = _rows(1)
    socket = await harness.socket().begin()
    socket.subscribe("1", STREAM, FROM_START)
    assert _ids(await socket.next("1")) == ["1"]
    harness.read.status = 503
    harness.read.tables["flow_run"] += _rows(2)
    for _ in "12":
        await harness.waits(15)
        harness.clock.advance(15)
    message = await socket.hear()
    assert (message["type"], message["payload"]["data"]) == ("next", None)
    assert message["payload"]["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
    await harness.waits(15)
    assert socket.nothing()
    harness.read.status = 200
    harness.clock.advance(15)
    assert _ids(await socket.next("1")) == ["2"]


async def test_a_second_outage_is_told_again(harness: Any) -> None:
    """Reads that came back without any row have come back all the same."""
    harness.read.tables["flow_run"] = _rows(1)
    socket = await harness.socket().begin()
    socket.subscribe("1", STREAM, FROM_START)
    assert _ids(await socket.next("1")) == ["1"]
    for _ in "12":
        harness.read.status = 503
        await harness.waits(15)
        harness.clock.advance(15)
        assert (await socket.hear())["payload"]["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
        harness.read.status = 200
        await harness.waits(15)
        asked = len(harness.read.seen)
        harness.clock.advance(15)
        await harness.until(lambda before=asked: len(harness.read.seen) > before)
    await harness.waits(15)
    assert socket.nothing()


async def test_a_stream_that_does_not_go_on_ends(harness: Any) -> None:
    """The same place again is the same rows for ever."""
    harness.read.refusal = {"data": {"runs": [{"id": "1"}]}, "extensions": {"stream": {"after": ["1"], "rows": 1, "more": True}}}
    socket = await harness.socket().begin()
    socket.subscribe("1", STREAM, FROM_START)
    assert _ids(await socket.next("1")) == ["1"]
    message = await socket.hear()
    assert (message["type"], message["payload"][0]["extensions"]["code"]) == ("error", "VALIDATION_FAILED")
    assert "same place" in message["payload"][0]["message"]


async def test_an_internal_error_at_once_ends_the_stream(harness: Any) -> None:
    """It would be repeated with each look; later on it is gone through, as for live queries."""
    failure = {"errors": [{"message": "database query error", "extensions": {"path": "$", "code": "unexpected"}}]}
    harness.read.tables["flow_run"] = _rows(1)
    socket = await harness.socket().begin()
    socket.subscribe("1", STREAM, FROM_START)
    assert _ids(await socket.next("1")) == ["1"]
    harness.read.refusal = failure
    await harness.waits(15)
    harness.clock.advance(15)
    message = await socket.hear()
    assert (message["type"], message["payload"]["errors"][0]["extensions"]["code"]) == ("next", "INTERNAL")
    late = await harness.socket().begin()
    late.subscribe("1", STREAM, FROM_START)
    message = await late.hear()
    assert (message["type"], message["payload"][0]["extensions"]["code"]) == ("error", "INTERNAL")


async def test_slow_streams_leave_live_queries_their_turns(harness: Any) -> None:
    """Streams wait for each other, and for no live query, and no live query for them."""
    harness.read.turns.clear()
    harness.read.tables["flow_run"] = _rows(1)
    socket = await harness.socket().begin()
    for number in range(2 * AT_A_TIME):
        socket.subscribe(f"s{number}", STREAM, FROM_START)
    await harness.until(lambda: len(harness.read.seen) == AT_A_TIME)
    quick = await harness.socket().begin()
    quick.subscribe("q", "subscription { flow_run { id } }")
    assert await quick.next("q") == {"flow_run": [{"id": "1"}]}
    assert len(harness.read.seen) == AT_A_TIME + 1
    harness.read.turns.set()
    await harness.until(lambda: len(harness.read.seen) == 2 * AT_A_TIME + 1)


@pytest.mark.parametrize(
    ("root", "streams"),
    [
        ("video_stream { id }", False),
        ("video_stream(limit: 2) { id }", False),
        ("clip_by_pk(cursor: 1) { id }", False),
        ("video(batch_size: 1, cursor: {initial_value: {id: 0}}) { id }", True),
    ],
)
def test_a_stream_is_known_by_its_arguments(root: str, streams: bool) -> None:
    """Tables, keys and streams may have any names."""
    document = parse(f"subscription {{ {root} }}")
    plan = split(document, choose_operation(document, None), BusinessFields(frozenset(), frozenset()))
    assert plan.streams is streams


@pytest.mark.parametrize(
    "query",
    [
        "subscription { flow_run_stream { id } }",
        'subscription { log_stream(batch_size: 1, cursor: {initial_value: {id: "0"}}) { id } }',
        "subscription { flow_run_stream(batch_size: 1, cursor: {initial_value: {nonsense: 1}}) { id } }",
        'subscription { flow_run_stream(batch_size: 1, cursor: {initial_value: {id: "0"}}) { id } flow { id } }',
        'subscription { flow_run(batch_size: 1, cursor: {initial_value: {id: "0"}}) { id } }',
        'query { flow_run_stream(batch_size: 1, cursor: {initial_value: {id: "0"}}) { id } }',
    ],
)
async def test_a_wrong_stream_ends(harness: Any, query: str) -> None:
    """What the read back end refuses is an error, and the end."""
    socket = await harness.socket().begin()
    socket.subscribe("1", query)
    message = await socket.hear()
    if message["type"] == "next":  # a query, which has one answer
        assert message["payload"]["errors"][0]["extensions"]["code"] == "VALIDATION_FAILED"
    else:
        assert (message["type"], message["payload"][0]["extensions"]["code"]) == ("error", "VALIDATION_FAILED")
    assert not harness.metric("towpath_gateway_streams")


async def test_a_back_end_without_turns_is_told_of(harness: Any) -> None:
    """The image has streams on its own WebSocket only: the client hears where, and nothing loops."""
    harness.read.refusal = {"data": {"flow_run_stream": []}}
    socket = await harness.socket().begin()
    socket.subscribe("1", STREAM, FROM_START)
    message = await socket.hear()
    assert message["type"] == "error"
    assert "WebSocket" in message["payload"][0]["message"]


async def test_a_stream_is_read_as_its_caller(make: Any) -> None:
    """The read back end hears role and tenant of the key, and each stream its own place."""
    harness = await make(auth=True)
    harness.read.tables["flow_run"] = _rows(*range(1, 6))
    for role in ("operator", "viewer"):
        key = identity.make_api_key()
        harness.business.keys[identity.hash_api_key(key)] = {"tenant_id": str(TENANT), "role": role, "actor": role}
        socket = await harness.socket({"authorization": f"Bearer {key}"}).begin()
        socket.subscribe("1", STREAM, {"n": 2, "from": {"id": "3" if role == "viewer" else "0"}})
        assert _ids(await socket.next("1")) == (["4", "5"] if role == "viewer" else ["1", "2"])
        seen = harness.read.seen[-1].headers
        assert (seen["x-hasura-role"], seen["x-hasura-tenant-id"]) == (role, str(TENANT))
