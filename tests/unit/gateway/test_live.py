"""Queries that are kept true: Hasura's live queries on tables, and the field `live`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from towpath_gateway.subscriptions.live import DEBOUNCE, concerned_by
from towpath_proto import subjects
from towpath_service_kit import identity

TENANT = UUID("01930000-0000-7000-8000-000000000001")
OTHER = UUID("01930000-0000-7000-8000-000000000002")
RUN = UUID("01930000-0000-7000-8000-0000000000aa")
FLOW = UUID("01930000-0000-7000-8000-0000000000ff")
STATE = {"flow_run_id": str(RUN), "flow_id": str(FLOW), "state": "Running", "version": 3, "attempt": 1, "message": "m", "fence": 2}
LIVE = "subscription($q: String!, $v: JSON) { live(query: $q, variables: $v) { data errors } }"


async def test_live_sends_changed_results_only(harness: Any) -> None:
    """A query's result comes at once, then after events that concern it, and only when it is another one."""
    harness.read.tables["flow_run"] = [{"id": "1", "state": "Running"}]
    socket = await harness.socket().begin()
    socket.subscribe("1", LIVE, {"q": "query($s: String) { flow_run(where: {state: {_eq: $s}}) { id } }", "v": {"s": "Running"}})
    assert (await socket.next("1"))["live"] == {"data": {"flow_run": [{"id": "1"}]}, "errors": None}
    before = len(harness.read.seen)
    await harness.waits(15)
    await harness.publish("flow_run.state", RUN, STATE)
    await harness.publish("flow_run.state", RUN, STATE)
    await harness.waits(DEBOUNCE)
    harness.clock.advance(DEBOUNCE)
    await harness.waits(15)
    assert len(harness.read.seen) == before + 1
    harness.read.tables["flow_run"].append({"id": "2", "state": "Running"})
    await harness.publish("flow_run.state", RUN, STATE)
    await harness.waits(DEBOUNCE)
    harness.clock.advance(DEBOUNCE)
    assert (await socket.next("1"))["live"]["data"] == {"flow_run": [{"id": "1"}, {"id": "2"}]}


async def test_live_is_not_woken_by_what_does_not_concern_it(harness: Any) -> None:
    """Log rows do not repeat a query for flow runs; a sweep does."""
    socket = await harness.socket().begin()
    socket.subscribe("1", LIVE, {"q": "{ flow_run { id } }"})
    await socket.next("1")
    await harness.waits(15)
    before = len(harness.read.seen)
    await harness.publish("log.written", RUN, {"flow_run_id": str(RUN), "count": 1, "last_id": str(FLOW)})
    await harness.waits(15)
    harness.clock.advance(1)
    await harness.waits(14)
    assert len(harness.read.seen) == before
    harness.read.tables["flow_run"] = [{"id": "1"}]
    harness.clock.advance(15)
    assert (await socket.next("1"))["live"]["data"] == {"flow_run": [{"id": "1"}]}


async def test_live_tells_of_failures_and_of_recovery(harness: Any) -> None:
    """While reads are down the result is an error; afterwards it is the data again."""
    socket = await harness.socket().begin()
    socket.subscribe("1", LIVE, {"q": "{ flow_run { id } }"})
    await socket.next("1")
    for status, wanted in ((503, None), (200, {"flow_run": []})):
        harness.read.status = status
        await harness.waits(15)
        harness.clock.advance(15)
        result = (await socket.next("1"))["live"]
        assert result["data"] == wanted
        assert bool(result["errors"]) is (wanted is None)


@pytest.mark.parametrize(
    ("words", "types"),
    [
        ({"flow_run_by_pk"}, {"flow_run.created", "flow_run.offered", "flow_run.state", "flow_run.cancel", "schedule.changed"}),
        ({"task_runs_aggregate"}, {"flow_run.created", "task_run.states"}),
        ({"logs"}, {"log.written"}),
        ({"flow"}, {"flow.registered", "schedule.changed"}),
        ({"log_rows_stream", "batch_size"}, {"log.written"}),
        ({"flow_run_state_stream"}, {"flow_run.created", "flow_run.offered", "flow_run.state", "flow_run.cancel", "schedule.changed"}),
        ({"key_value", "id"}, set()),
    ],
)
def test_words_tell_which_events_concern_a_query(words: set[str], types: set[str]) -> None:
    """Tables, relationships and aggregates count by their name."""
    assert concerned_by(words) == types


def test_every_event_type_concerns_something() -> None:
    """An event type that is new in proto needs a row in the table of what it concerns."""
    from towpath_gateway.subscriptions.live import CONCERNS

    assert set(CONCERNS) == set(subjects.EVENT_TYPES)


async def test_a_table_is_subscribed_to_as_in_hasura(harness: Any) -> None:
    """`subscription { table }`: the rows at once, then whenever they have changed; aliases, fragments and variables mean what they mean."""
    harness.read.tables["flow_run"] = [{"id": "1", "name": "a", "state": "Running"}]
    socket = await harness.socket().begin()
    query = """subscription Live($s: String) { ...Root }
        fragment Root on subscription_root { runs: flow_run(where: {state: {_eq: $s}}) { ...Row } }
        fragment Row on flow_run { id name }"""
    socket.subscribe("1", query, {"s": "Running"})
    assert await socket.next("1") == {"runs": [{"id": "1", "name": "a"}]}
    await harness.waits(15)
    await harness.publish("flow_run.state", RUN, STATE)
    await harness.waits(DEBOUNCE)
    harness.clock.advance(DEBOUNCE)
    await harness.waits(15)
    assert socket.nothing()
    harness.read.tables["flow_run"][0]["state"] = "Success"
    await harness.publish("flow_run.state", RUN, STATE)
    await harness.waits(DEBOUNCE)
    harness.clock.advance(DEBOUNCE)
    assert await socket.next("1") == {"runs": []}


async def test_who_watches_may_use_what_the_role_may_subscribe_to(harness: Any) -> None:
    """A live query is held against the fields of subscriptions, a query against those of queries; however it is written."""
    harness.read.tables["catch"] = [{"id": "1"}]
    socket = await harness.socket().begin()
    socket.subscribe("1", "subscription { catch { id } }")
    assert await socket.next("1") == {"catch": [{"id": "1"}]}
    socket.subscribe("2", LIVE, {"q": "{ catch { id } hello }"})
    assert (await socket.next("2"))["live"]["data"] == {"catch": [{"id": "1"}], "hello": "ahoy"}
    assert await harness.error("{ catch { id } }") == (400, "VALIDATION_FAILED")
    assert await harness.data("{ tenant { id } }") == {"tenant": []}
    socket.subscribe("3", "subscription { tenant { id } }")
    message = await socket.hear()
    assert (message["id"], message["type"]) == ("3", "error")
    assert "tenant" in message["payload"][0]["message"]
    socket.subscribe("4", LIVE, {"q": "{ tenant { id } }"})
    assert (await socket.next("4"))["live"]["data"] is None


async def test_equal_live_queries_of_one_role_share_their_evaluation(make: Any) -> None:
    """However many watch the same, it is asked once an event; another tenant, role or variable is another query."""
    harness = await make(auth=True)
    keys = {}
    for name, tenant, role in (
        ("a", TENANT, "operator"),
        ("b", TENANT, "admin"),
        ("viewer", TENANT, "viewer"),
        ("other", OTHER, "operator"),
    ):
        keys[name] = identity.make_api_key()
        harness.business.keys[identity.hash_api_key(keys[name])] = {"tenant_id": str(tenant), "role": role, "actor": name}
    query = "subscription ($s: String) { flow_run(where: {state: {_eq: $s}}) { id } }"
    sockets = []
    for name in ("a", "a", "b"):  # an admin reads as an operator does
        socket = await harness.socket({"authorization": f"Bearer {keys[name]}"}).begin()
        sockets.append(socket)
        for operation in "12":
            socket.subscribe(operation, query, {"s": "Running"})
        assert [(await socket.hear())["payload"]["data"] for _ in "12"] == [{"flow_run": []}] * 2
    evaluations = "towpath_gateway_live_queries"
    assert harness.metric(evaluations) == 1
    await harness.waits(DEBOUNCE)  # those who joined have it asked again
    harness.clock.advance(DEBOUNCE)
    await harness.waits(15)
    before = len(harness.read.seen)
    harness.read.tables["flow_run"] = [{"id": "1", "state": "Running"}]
    await harness.publish("flow_run.state", RUN, STATE)
    await harness.waits(DEBOUNCE)
    harness.clock.advance(DEBOUNCE)
    for socket in sockets:
        assert [(await socket.hear())["payload"]["data"] for _ in "12"] == [{"flow_run": [{"id": "1"}]}] * 2
    assert len(harness.read.seen) == before + 1
    for name, state in (("viewer", "Running"), ("other", "Running"), ("a", "Failed")):
        socket = await harness.socket({"authorization": f"Bearer {keys[name]}"}).begin()
        sockets.append(socket)
        socket.subscribe("1", query, {"s": state})
        await socket.next("1")
    assert harness.metric(evaluations) == 4
    assert {s.headers["x-hasura-tenant-id"] for s in harness.read.seen[-3:]} == {str(TENANT), str(OTHER)}
    for socket in sockets:
        socket.leave()
    await harness.until(lambda: not harness.metric(evaluations))


async def test_a_slow_watcher_holds_up_nobody_and_gets_the_last_answer(harness: Any) -> None:
    """Answers in between may be left out for one who does not take them; nothing piles up."""
    slow, quick = await harness.socket().begin(), await harness.socket().begin()
    for socket in (slow, quick):
        socket.subscribe("1", "subscription { flow_run { state } }")
        await socket.next("1")
    slow.gate.clear()
    for i in range(5):
        harness.read.tables["flow_run"] = [{"state": f"S{i}"}]
        await harness.publish("flow_run.state", RUN, STATE)
        await harness.waits(DEBOUNCE)
        harness.clock.advance(DEBOUNCE)
        assert await quick.next("1") == {"flow_run": [{"state": f"S{i}"}]}
    slow.gate.set()
    heard = [await slow.next("1")]
    while heard[-1] != {"flow_run": [{"state": "S4"}]}:
        heard.append(await slow.next("1"))
    assert len(heard) <= 2


async def test_a_live_query_survives_what_passes_and_ends_when_it_is_wrong(harness: Any) -> None:
    """While reads are away its results say so; a document that the read back end refuses is an error, and the end."""
    socket = await harness.socket().begin()
    socket.subscribe("1", "subscription { flow_run { id } }")
    assert await socket.next("1") == {"flow_run": []}
    harness.read.status = 503
    await harness.waits(15)
    harness.clock.advance(15)
    message = await socket.hear()
    assert (message["type"], message["payload"]["data"]) == ("next", None)
    assert message["payload"]["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
    harness.read.status = 200
    await harness.waits(15)
    harness.clock.advance(15)
    assert await socket.next("1") == {"flow_run": []}
    for query in (
        "subscription { flow_run { nonsense } }",
        "subscription { hello }",
        "subscription { flow_run { id } flow { id } }",
        "subscription { flow_run { id } agent_work { reason } }",
        "subscription { __typename }",
    ):
        socket.subscribe("2", query)
        message = await socket.hear()
        assert (message["id"], message["type"]) == ("2", "error"), message
        assert message["payload"][0]["extensions"]["code"] == "VALIDATION_FAILED", query
