"""The protocols of GraphQL over WebSockets, and what a connection may do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from typing import Any
from uuid import UUID

import pytest

from towpath_gateway.subscriptions.connection import Connections, Timing
from towpath_gateway.subscriptions.protocol import DIALECTS, Begin, Close, Complete, Protocol, Send, Subscribe
from towpath_service_kit import identity
from towpath_service_kit.metrics import Metrics
from towpath_service_kit.testing import START_STOP_CASES

TENANT = UUID("01930000-0000-7000-8000-000000000001")
RUN = UUID("01930000-0000-7000-8000-0000000000aa")
SECRET = "identity secret of the tests"


def _ready() -> Protocol:
    protocol = Protocol(DIALECTS[0])
    protocol.receive('{"type": "connection_init"}')
    protocol.acknowledged()
    return protocol


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ('{"type": "ping"}', Send({"type": "pong"})),
        ('{"type": "ping", "payload": {"a": 1}}', Send({"type": "pong", "payload": {"a": 1}})),
        ('{"type": "pong"}', None),
        ('{"type": "subscribe", "id": "1", "payload": {"query": "{ a }"}}', Subscribe("1", {"query": "{ a }"})),
        ('{"type": "complete", "id": "1"}', Complete("1")),
        ("{", Close(4400, "the message is not JSON")),
        ("[" * 100_000, Close(4400, "the message is not JSON")),
        ("[]", Close(4400, "the message is not an object")),
        ('{"type": "next", "id": "1"}', Close(4400, "the message has an unknown type")),
        ('{"type": ["ping"]}', Close(4400, "the message has an unknown type")),
        ('{"type": "subscribe", "id": 1}', Close(4400, "the id must be a text of 1 to 128 characters")),
        ('{"type": "subscribe", "id": ""}', Close(4400, "the id must be a text of 1 to 128 characters")),
        ('{"type": "connection_init"}', Close(4429, "Too many initialisation requests")),
    ],
)
def test_messages_and_what_they_ask_for(text: str, action: Any) -> None:
    """After the introduction each message has one meaning, and a breach one close code."""
    assert _ready().receive(text) == action


def test_the_introduction_comes_first() -> None:
    """Nobody subscribes before being known; the payload of the introduction is an object or nothing."""
    for dialect in DIALECTS:
        first = Protocol(dialect).receive
        assert first(json.dumps({"type": dialect.begin, "id": "1", "payload": {}})) == Close(4401, "Unauthorized")
        assert Protocol(dialect).receive('{"type": "connection_init", "payload": {"authorization": "x"}}') == Begin({"authorization": "x"})
        assert isinstance(Protocol(dialect).receive('{"type": "connection_init", "payload": 5}'), Close)
        assert Protocol(dialect).receive('{"type": "ping"}') == Send({"type": "pong"})


@pytest.mark.parametrize("path", ["/", "/graphql", "/graphql/"])
async def test_queries_and_mutations_work_on_a_socket(harness: Any, path: str) -> None:
    """An operation that is no subscription gives one result and is complete."""
    socket = await harness.socket(path=path).begin()
    socket.subscribe("q", "{ hello }")
    assert await socket.next("q") == {"hello": "ahoy"}
    assert await socket.hear() == {"id": "q", "type": "complete"}
    socket.subscribe("q", "{ nonsense { id } }")
    message = await socket.hear()
    assert (message["type"], message["payload"][0]["extensions"]["code"]) == ("error", "VALIDATION_FAILED")


async def test_the_subprotocol_is_required(harness: Any) -> None:
    """A client of another protocol is closed before it is accepted."""
    assert await harness.socket(protocols=("mqtt",)).closed() == 4406


async def test_apollos_older_protocol(make: Any) -> None:
    """`graphql-ws`: start, data, complete, stop; one error a message; a refused client is told before it is closed."""
    harness = await make()
    socket = harness.socket(protocols=("graphql-ws",))
    assert (await socket.raw())["subprotocol"] == "graphql-ws"
    socket.say({"type": "connection_init", "payload": {}})
    socket.say({"type": "start", "id": "1", "payload": {"query": "{ hello }", "variables": None}})
    assert await socket.hear() == {"type": "connection_ack"}
    assert await socket.hear() == {"id": "1", "type": "data", "payload": {"data": {"hello": "ahoy"}}}
    assert await socket.hear() == {"id": "1", "type": "complete"}
    socket.say({"type": "start", "id": "1", "payload": {"query": "{ nonsense { id } }"}})
    message = await socket.hear()
    assert (message["type"], message["payload"]["extensions"]["code"]) == ("error", "VALIDATION_FAILED")
    socket.say({"type": "start", "id": "1", "payload": {"query": "subscription { flow { name } }"}})
    assert (await socket.hear())["payload"] == {"data": {"flow": []}}
    socket.say({"type": "stop", "id": "1"})
    socket.say({"type": "connection_terminate"})
    assert await socket.closed() == 1000
    keyed = await make(auth=True)
    socket = keyed.socket(protocols=("graphql-ws", "graphql-transport-ws"))
    assert (await socket.raw())["subprotocol"] == "graphql-transport-ws"
    socket = keyed.socket(protocols=("graphql-ws",))
    await socket.raw()
    socket.say({"type": "connection_init"})
    assert (await socket.hear())["type"] == "connection_error"
    assert await socket.closed() == 4401


async def test_an_id_is_free_again_once_its_operation_has_ended(harness: Any) -> None:
    """A client may use an id anew as soon as it has ended the operation, or has heard of its end."""
    socket = await harness.socket().begin()
    for _ in range(20):
        socket.subscribe("1", "subscription { flow { id } }")
        assert await socket.next("1") == {"flow": []}
        socket.say({"type": "complete", "id": "1"})
        socket.subscribe("1", "{ hello }")
        assert await socket.next("1") == {"hello": "ahoy"}
        assert await socket.hear() == {"id": "1", "type": "complete"}


async def test_credentials_come_by_header_or_payload(make: Any) -> None:
    """A key works in the handshake's header and, for browsers, in connection_init; the same guard as for POST."""
    harness = await make(auth=True)
    key = identity.make_api_key()
    harness.business.keys[identity.hash_api_key(key)] = {"tenant_id": str(TENANT), "role": "viewer", "actor": "k"}
    for headers, payload in (({"authorization": f"Bearer {key}"}, None), ({}, {"Authorization": f"Bearer {key}"})):
        socket = await harness.socket(headers).begin(payload)
        socket.subscribe("1", "{ flow { id } }")
        assert await socket.next("1") == {"flow": []}
        assert harness.read.seen[-1].headers["x-hasura-role"] == "viewer"
    for payload in ({}, {"authorization": "Bearer twk_wrong"}, {"authorization": "wrong"}):
        socket = await harness.socket().accepted()
        socket.say({"type": "connection_init", "payload": payload})
        assert await socket.closed() == 4401
    socket = await harness.socket({"authorization": f"Bearer {key}", "x-towpath-tenant": str(RUN)}).accepted()
    socket.say({"type": "connection_init"})
    assert await socket.closed() == 4403


async def test_an_id_is_used_once_at_a_time(harness: Any) -> None:
    """A second operation under an id that is in use closes the connection; after its end the id is free."""
    socket = await harness.socket().begin()
    socket.subscribe("1", "subscription { agent_work { reason } }")
    await socket.next("1")
    socket.subscribe("1", "{ hello }")
    assert await socket.closed() == 4409


async def test_complete_ends_an_operation(harness: Any) -> None:
    """A client that completes a subscription hears no more of it."""
    socket = await harness.socket().begin()
    socket.subscribe("1", "subscription { agent_work { reason } }")
    await socket.next("1")
    socket.say({"type": "complete", "id": "1"})
    socket.subscribe("2", "subscription { agent_work { reason } }")
    await socket.next("2")
    await harness.publish("flow_run.created", RUN, {"flow_run_id": str(RUN), "flow_id": str(RUN), "state": "Scheduled", "due": None})
    assert await socket.next("2") == {"agent_work": {"reason": "created"}}
    assert socket.nothing()


async def test_operations_and_connections_are_counted(make: Any) -> None:
    """Beyond its number of operations a connection gets errors; beyond their number connections are closed."""
    harness = await make(max_subscriptions=2, max_connections=2)
    first, _ = await harness.socket().begin(), await harness.socket().begin()
    for i in "12":
        first.subscribe(i, "subscription { agent_work { reason } }")
        await first.next(i)
    first.subscribe("3", "subscription { agent_work { reason } }")
    message = await first.hear()
    assert (message["id"], message["payload"][0]["extensions"]["code"]) == ("3", "LIMIT_EXCEEDED")
    assert await harness.socket().closed() == 1013
    first.leave()
    await first.task
    await harness.socket().begin()


async def test_a_message_that_is_too_long_ends_the_connection(make: Any) -> None:
    """Messages have the limit of HTTP bodies; bytes are not taken."""
    harness = await make(max_body_bytes=1_000)
    socket = await harness.socket().begin()
    socket.say(json.dumps({"type": "ping", "payload": {"x": "y" * 1_000}}))
    assert await socket.closed() == 1009


async def test_an_answer_that_is_too_long_to_be_held_is_an_error(make: Any) -> None:
    """On a socket, in a batch and in a mixed query; by itself it is passed on."""
    harness = await make(max_held_bytes=1_000)
    harness.read.tables["flow"] = [{"id": str(RUN), "name": "x" * 1_000}]
    socket = await harness.socket().begin()
    for query in ("{ flow { name } }", "subscription { flow { name } }", "{ flow { name } hello }"):
        socket.subscribe("1", query)
        message = await socket.hear()
        assert (message["type"], message["payload"][0]["extensions"]["code"]) == ("error", "LIMIT_EXCEEDED")
    assert await harness.error("{ flow { name } hello }") == (400, "LIMIT_EXCEEDED")
    batch = await harness.client.post("/graphql", json=[{"query": "{ flow { name } }"}, {"query": "{ hello }"}])
    assert [set(one) for one in batch.json()] == [{"errors"}, {"data"}]
    assert (await harness.data("{ flow { name } }"))["flow"] == [{"name": "x" * 1_000}]
    socket.subscribe("1", "{ flow { id } }")
    assert await socket.next("1") == {"flow": [{"id": str(RUN)}]}


async def test_limits_of_documents_hold_on_sockets(harness: Any) -> None:
    """A subscription's document, and the query within `live`, have the limits of every document."""
    socket = await harness.socket().begin()
    deep = "{ a" * 30 + "}" * 30
    socket.subscribe("1", f"subscription {deep}")
    assert (await socket.hear())["payload"][0]["extensions"]["code"] == "LIMIT_EXCEEDED"
    socket.subscribe("2", "subscription($q: String!) { live(query: $q) { data } }", {"q": deep})
    assert (await socket.hear())["payload"][0]["extensions"]["code"] == "LIMIT_EXCEEDED"


@pytest.mark.parametrize(
    "query",
    [
        "subscription { nonsense }",
        "subscription { __typename }",
        "subscription { agent_work { reason } flow_run_events { type } }",
        "subscription { agent_work { nonsense } }",
        'subscription { agent_work(agent_id: "no uuid") { reason } }',
        "subscription { task_run_events { type } }",
        'subscription { log_stream(flow_run_id: "no uuid") { logs { id } } }',
        f'subscription {{ log_stream(flow_run_id: "{RUN}", after: "yesterday") {{ logs {{ id }} }} }}',
        f'subscription {{ log_stream(flow_run_id: "{RUN}", after_id: "7") {{ logs {{ id }} }} }}',
        'subscription { live(query: "mutation { x }") { data } }',
        'subscription { live(query: "{ a }", variables: [1]) { data } }',
        'subscription { live(query: "{ a }", variables: "[") { data } }',
        'subscription { live(query: "subscription { agent_work { reason } }") { data } }',
    ],
)
async def test_wrong_subscriptions_are_errors_and_the_connection_stays(harness: Any, query: str) -> None:
    """A subscription that makes no sense is VALIDATION_FAILED; the connection goes on."""
    socket = await harness.socket().begin()
    socket.subscribe("1", query)
    message = await socket.hear()
    assert (message["type"], message["id"]) == ("error", "1")
    assert message["payload"][0]["extensions"]["code"] == "VALIDATION_FAILED", message
    socket.subscribe("1", "{ hello }")
    assert await socket.next("1") == {"hello": "ahoy"}


async def test_stopping_closes_every_connection(harness: Any) -> None:
    """A gateway that stops says so to its clients, whatever they were doing."""
    idle, busy = await harness.socket().begin(), await harness.socket().begin()
    busy.subscribe("1", "subscription { agent_work { reason } }")
    await busy.next("1")
    await harness.gateway.stop()
    assert [await idle.closed(), await busy.closed()] == [1001, 1001]


@pytest.mark.parametrize("case", START_STOP_CASES, ids=lambda case: case.__name__)
async def test_the_gateway_survives_start_and_stop(case: Any) -> None:
    """However it is started and stopped, nothing of it is left running."""
    from towpath_gateway.config import Config
    from towpath_gateway.main import build
    from towpath_service_kit.settings import Secret

    config = Config(identity_secret=Secret(SECRET), read_secret=Secret(SECRET), nats_url="nats://127.0.0.1:9")
    await case(lambda: build(config))


class _Somebody:
    """Callers whose credential can be taken away."""

    def __init__(self) -> None:
        self.known = True

    async def caller(self, headers: Mapping[str, str]) -> Any:
        from towpath_gateway.backends import Caller
        from towpath_proto.errors import Code, TowpathError

        if not self.known:
            raise TowpathError(Code.UNAUTHENTICATED, "The key is gone.")
        return Caller(identity.Identity(tenant=TENANT, role=identity.Role.VIEWER, actor="k"))


async def _forever(*_: Any) -> AsyncGenerator[dict[str, Any], None]:
    while True:
        yield {"data": {"n": "x" * 1_000}}


def _connections(callers: Any, timing: Timing) -> Any:
    made = Connections(
        callers, _forever, max_connections=9, max_operations=9, max_message_bytes=9_999, metrics=Metrics(process=False), timing=timing
    )

    async def app(scope: Any, receive: Any, send: Any) -> None:
        from starlette.websockets import WebSocket

        await made.connect(WebSocket(scope, receive, send))

    return app


@pytest.fixture
def plain_socket(harness: Any) -> Any:
    """Opens a socket on a bare application."""

    def opened(app: Any) -> Any:
        socket = type(harness.socket())(app, {"host": "x"}, "/", ["graphql-transport-ws"])
        harness.sockets.append(socket)
        return socket

    return opened


async def test_a_silent_client_is_closed(plain_socket: Any) -> None:
    """Who does not introduce itself in time is closed with the protocol's code."""
    socket = await plain_socket(_connections(_Somebody(), Timing(init=0.01))).accepted()
    assert await socket.closed() == 4408


async def test_a_deleted_key_ends_its_connections(plain_socket: Any) -> None:
    """The credential is looked at again and again; when it is gone, so is the connection."""
    callers = _Somebody()
    socket = await plain_socket(_connections(callers, Timing(recheck=0.01))).begin()
    callers.known = False
    assert await socket.closed() == 4401


async def test_a_client_that_takes_nothing_is_closed(plain_socket: Any) -> None:
    """A message that is not taken in time ends the connection; until then nothing piles up."""
    socket = await plain_socket(_connections(_Somebody(), Timing(send=0.05))).begin()
    socket.gate.clear()
    socket.subscribe("1", "subscription { x }")
    async with asyncio.timeout(60):
        await asyncio.wait({socket.task})
    assert socket.nothing()
