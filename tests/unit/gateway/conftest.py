"""A gateway in front of two small real services, and clients for it. All in this process, no sockets."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx
import pytest
from graphql import build_schema, graphql_sync, parse, validate
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from towpath_gateway.config import Config
from towpath_gateway.main import Gateway, build
from towpath_gateway.pages import Pages
from towpath_proto import sdl, subjects
from towpath_proto.errors import TowpathError
from towpath_proto.ids import uuid7
from towpath_service_kit import identity
from towpath_service_kit.settings import Secret
from towpath_service_kit.testing import ManualClock, MemoryBus
from towpath_service_kit.upstream import AsgiUpstream

IDENTITY_SECRET = "identity secret of the tests"
READ_SECRET = "read secret of the tests"
SERVICE_TOKEN = "service token of the tests"
TENANT = UUID("01930000-0000-7000-8000-000000000001")
OTHER_TENANT = UUID("01930000-0000-7000-8000-000000000002")
PATIENCE = 60
"""Seconds for what happens at once, on a machine that has much else to do."""

READ_SDL = """
scalar uuid scalar timestamptz scalar jsonb
type query_root {
  flow(where: jsonb, limit: Int): [flow!]!
  flow_by_pk(id: uuid!): flow
  flow_run(where: jsonb, order_by: jsonb, limit: Int): [flow_run!]!
  tenant(order_by: jsonb, limit: Int): [tenant!]!
  log(where: jsonb, order_by: jsonb, limit: Int): [log!]!
}
type subscription_root {
  flow(where: jsonb, limit: Int): [flow!]!
  flow_by_pk(id: uuid!): flow
  flow_run(where: jsonb, order_by: jsonb, limit: Int): [flow_run!]!
  catch(limit: Int): [flow!]!
  flow_run_stream(batch_size: Int!, cursor: [flow_run_stream_cursor_input]!, where: jsonb): [flow_run!]!
}
input flow_run_stream_cursor_input { initial_value: flow_run_stream_cursor_value_input! ordering: cursor_ordering }
input flow_run_stream_cursor_value_input { id: uuid name: String state: String }
enum cursor_ordering { ASC DESC }
schema { query: query_root subscription: subscription_root }
type flow { id: uuid name: String }
type flow_run { id: uuid name: String state: String flow: flow }
type tenant { id: uuid name: String }
type log { id: uuid flow_run_id: uuid task_run_id: uuid timestamp: timestamptz level: String name: String message: String info: jsonb }
"""


@dataclass
class Seen:
    """A request that a service has seen."""

    query: str
    variables: dict[str, Any]
    headers: dict[str, str]
    body: bytes


@dataclass
class Business:
    """The graphql service in small: its real SDL, executed over a dictionary, behind the real identity header."""

    data: dict[str, Any] = field(default_factory=lambda: {"hello": "ahoy", "auth_info": {"tenant_id": str(TENANT)}})
    keys: dict[str, dict[str, Any]] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    callers: list[identity.Identity] = field(default_factory=list)
    ready: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.schema = build_schema(sdl.load())
        self.app = Starlette(routes=[Route("/graphql", self._post, methods=["POST"]), Route("/health/ready", self._ready)])

    async def _ready(self, _: Request) -> Response:
        return JSONResponse({"status": "", "checks": self.ready}, 503 if self.ready else 200)

    async def _post(self, request: Request) -> Response:
        body = await request.body()
        try:
            self.callers.append(identity.verify(request.headers.get(identity.HEADER), IDENTITY_SECRET))
        except TowpathError as e:
            return JSONResponse({"errors": [e.to_graphql()]}, 401)
        ask = json.loads(body)
        self.seen.append(Seen(ask["query"], ask.get("variables") or {}, dict(request.headers), body))
        root = {**self.data, "verify_api_key": lambda _, key_hash: self.keys.get(key_hash)}
        if validate(self.schema, parse(ask["query"])):
            return JSONResponse({"errors": [{"message": "no", "extensions": {"code": "VALIDATION_FAILED"}}]}, 400)
        result = graphql_sync(
            self.schema, ask["query"], root, variable_values=ask.get("variables"), operation_name=ask.get("operationName")
        )
        return JSONResponse(result.formatted)


@dataclass
class Read:
    """The read back end in small: some tables in memory, behind the admin secret; its errors are Hasura's."""

    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    status: int = 200
    refusal: dict[str, Any] | None = None
    turns: asyncio.Event = field(default_factory=asyncio.Event)
    """Cleared: the turns of streams take as long as it is."""

    def __post_init__(self) -> None:
        self.turns.set()
        self.schema = build_schema(READ_SDL)
        self.watched = build_schema(READ_SDL.replace("query: query_root subscription:", "query:"))
        self.app = Starlette(routes=[Route("/v1/graphql", self._post, methods=["POST"]), Route("/healthz", self._healthz)])

    async def _healthz(self, _: Request) -> Response:
        return Response("OK", self.status)

    async def _post(self, request: Request) -> Response:
        body = await request.body()
        if self.status != 200:
            return Response("bad gateway", self.status)
        if request.headers.get("x-hasura-admin-secret") != READ_SECRET:
            return _hasura_error("access-denied", "invalid x-hasura-admin-secret")
        if self.refusal is not None:
            return JSONResponse(self.refusal)
        ask = json.loads(body)
        self.seen.append(Seen(ask["query"], ask.get("variables") or {}, dict(request.headers), body))
        extensions = ask.get("extensions", {})
        if "stream" in extensions:
            await self.turns.wait()
            return self._turn(ask)
        schema = self.watched if extensions.get("live") else self.schema
        problems = validate(schema, parse(ask["query"]))
        if problems:
            return _hasura_error("validation-failed", problems[0].message)
        root = {name: self._reader(name) for name in ("flow", "flow_run", "tenant", "log", "catch")}
        root["flow_by_pk"] = lambda _, **key: next((r for r in self.tables.get("flow", []) if r["id"] == key["id"]), None)
        result = graphql_sync(schema, ask["query"], root, variable_values=ask.get("variables"), operation_name=ask.get("operationName"))
        if result.errors:
            return _hasura_error("unexpected", result.errors[0].message)
        return JSONResponse({"data": result.data})

    def _turn(self, ask: dict[str, Any]) -> Response:
        """One turn of the stream of flow runs, which are in order already; a place is an id."""
        asked = ask["extensions"]["stream"]
        batch: list[dict[str, Any]] = []
        limit = 0

        def read(_: Any, batch_size: int, cursor: list[dict[str, Any]], where: Any = None) -> list[dict[str, Any]]:
            nonlocal limit
            limit = min(batch_size, asked["rows"])
            after = asked["after"][0] if asked["after"] else cursor[0]["initial_value"]["id"]
            batch[:] = [r for r in self.tables.get("flow_run", []) if r["id"] > after][:limit]
            return batch

        text = ask["query"].replace("subscription", "query", 1)
        result = graphql_sync(self.watched, text, {"flow_run_stream": read}, variable_values=ask.get("variables"))
        if result.errors:
            return _hasura_error("validation-failed", result.errors[0].message)
        place = {"after": [batch[-1]["id"]] if batch else None, "rows": len(batch), "more": len(batch) >= limit}
        return JSONResponse({"data": result.data, "extensions": {"stream": place}})

    def _reader(self, table: str) -> Callable[..., list[dict[str, Any]]]:
        def read(_: Any, where: Any = None, order_by: Any = None, limit: int | None = None) -> list[dict[str, Any]]:
            rows = [r for r in self.tables.get(table, []) if _holds(r, where or {})]
            for column in order_by or {}:
                rows.sort(key=lambda r: r[column])
            return rows[:limit]

        return read


def _holds(row: dict[str, Any], where: dict[str, Any]) -> bool:
    operators = {"_eq": lambda a, b: a == b, "_gt": lambda a, b: a > b}
    return all(operators[op](row[column], value) for column, ops in where.items() for op, value in ops.items())


def _hasura_error(code: str, message: str) -> Response:
    return JSONResponse({"errors": [{"message": message, "extensions": {"path": "$", "code": code}}]})


class Socket:
    """A WebSocket client on an ASGI application."""

    def __init__(self, app: Any, headers: dict[str, str], path: str, protocols: list[str]) -> None:
        self._to_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._from_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.gate = asyncio.Event()
        self.gate.set()
        """Cleared: the client takes nothing."""
        scope = {
            "type": "websocket",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": "ws",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(n.lower().encode(), v.encode()) for n, v in headers.items()],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 4200),
            "subprotocols": protocols,
            "state": {},
        }
        self.task = asyncio.create_task(app(scope, self._to_app.get, self._send))
        self._to_app.put_nowait({"type": "websocket.connect"})

    async def _send(self, message: dict[str, Any]) -> None:
        await self.gate.wait()
        self._from_app.put_nowait(message)

    async def raw(self) -> dict[str, Any]:
        """The next ASGI message."""
        async with asyncio.timeout(PATIENCE):
            return await self._from_app.get()

    def nothing(self) -> bool:
        """Whether nothing has come."""
        return self._from_app.empty()

    async def accepted(self) -> Socket:
        """Wait for the handshake."""
        message = await self.raw()
        assert message["type"] == "websocket.accept", message
        assert message["subprotocol"] == "graphql-transport-ws"
        return self

    def say(self, message: dict[str, Any] | str) -> None:
        """Send a message."""
        self._to_app.put_nowait({"type": "websocket.receive", "text": message if isinstance(message, str) else json.dumps(message)})

    async def hear(self) -> dict[str, Any]:
        """The next message."""
        message = await self.raw()
        assert message["type"] == "websocket.send", message
        heard: dict[str, Any] = json.loads(message["text"])
        return heard

    async def closed(self) -> int:
        """Wait for the end; its code."""
        message = await self.raw()
        assert message["type"] == "websocket.close", message
        return int(message.get("code", 1000))

    async def begin(self, payload: dict[str, Any] | None = None) -> Socket:
        """Handshake and introduction."""
        await self.accepted()
        self.say({"type": "connection_init", **({"payload": payload} if payload is not None else {})})
        assert await self.hear() == {"type": "connection_ack"}
        return self

    def subscribe(self, operation_id: str, query: str, variables: dict[str, Any] | None = None) -> None:
        """Begin an operation."""
        self.say({"id": operation_id, "type": "subscribe", "payload": {"query": query, "variables": variables}})

    async def next(self, operation_id: str) -> Any:
        """The data of the next result."""
        message = await self.hear()
        assert (message["id"], message["type"]) == (operation_id, "next"), message
        assert "errors" not in message["payload"], message
        return message["payload"]["data"]

    def leave(self) -> None:
        """Go away without a word."""
        self._to_app.put_nowait({"type": "websocket.disconnect", "code": 1006})


@dataclass
class Harness:
    """A gateway with what is behind it."""

    gateway: Gateway
    business: Business
    read: Read
    bus: MemoryBus
    clock: ManualClock
    client: httpx.AsyncClient
    sockets: list[Socket] = field(default_factory=list)

    async def post(self, query: Any, variables: Any = None, *, path: str = "/graphql", **headers: str) -> httpx.Response:
        """Ask a GraphQL request."""
        return await self.client.post(
            path, json={"query": query, "variables": variables}, headers={n.replace("_", "-"): v for n, v in headers.items()}
        )

    async def data(self, query: str, variables: Any = None, **headers: str) -> Any:
        """The data of a request that succeeds."""
        answer = await self.post(query, variables, **headers)
        value = answer.json()
        assert "errors" not in value, value
        return value["data"]

    async def error(self, query: str, variables: Any = None, **headers: str) -> tuple[int, str]:
        """Status and code of a request that fails."""
        answer = await self.post(query, variables, **headers)
        return answer.status_code, answer.json()["errors"][0]["extensions"]["code"]

    def socket(
        self, headers: dict[str, str] | None = None, *, path: str = "/graphql", protocols: tuple[str, ...] = ("graphql-transport-ws",)
    ) -> Socket:
        """Open a WebSocket."""
        socket = Socket(self.gateway.app, {"host": "127.0.0.1:4200", **(headers or {})}, path, list(protocols))
        self.sockets.append(socket)
        return socket

    def metric(self, name: str) -> float:
        """The present value of one of the gateway's metrics."""
        return self.gateway.metrics.value(name)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Let everybody go on until something holds."""
        async with asyncio.timeout(PATIENCE):
            while not holds():  # noqa: ASYNC110 - turns of the loop, no time
                await asyncio.sleep(0)

    async def waits(self, seconds: float) -> None:
        """Let everybody go on until somebody waits on the clock for just so long, and nobody for less."""
        async with asyncio.timeout(PATIENCE):
            while abs(await self.clock.until_waiting() - seconds) > 1e-6:  # noqa: ASYNC110 - turns of the loop, no time
                await asyncio.sleep(0)

    async def publish(
        self, event_type: str, entity: UUID, data: dict[str, Any], *, tenant: UUID = TENANT, event_id: str | None = None
    ) -> None:
        """Publish an event, and wait until the gateway has heard it."""
        body = subjects.envelope(
            event_id=event_id or str(uuid7()),
            event_type=event_type,
            tenant_id=str(tenant),
            occurred_at=datetime.fromisoformat("2026-01-01T00:00:00+00:00"),
            data=data,
        )
        await self.bus.publish(subjects.subject(event_type, str(tenant), str(entity)), body)
        await self.bus.flush()


MakeHarness = Callable[..., Any]


@pytest.fixture
async def make(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[MakeHarness]:
    """`await make(**settings)` makes a running gateway; settings are `Config`'s."""
    # a machine that stands still for a moment is no bus that does not answer
    monkeypatch.setattr("towpath_gateway.subscriptions.hints.PATIENCE", PATIENCE)
    async with contextlib.AsyncExitStack() as ends:

        async def make_harness(*, pages: Pages | None = None, peers: Any = None, **settings: Any) -> Harness:
            business, read, bus, clock = Business(), Read(), MemoryBus(), ManualClock()
            config = Config(
                **{
                    "identity_secret": Secret(IDENTITY_SECRET),
                    "read_secret": Secret(READ_SECRET),
                    "service_token": Secret(SERVICE_TOKEN),
                    **settings,
                }
            )
            gateway = build(
                config,
                graphql=AsgiUpstream(business.app, name="graphql", timeout=PATIENCE),
                read=AsgiUpstream(read.app, name="read", timeout=PATIENCE),
                bus=bus,
                clock=clock,
                pages=pages or Pages(tmp_path / "static"),
                peers=peers,
            )
            await bus.start()
            await gateway.start()
            client = httpx.AsyncClient(transport=httpx.ASGITransport(gateway.app), base_url="http://127.0.0.1:4200")
            harness = Harness(gateway, business, read, bus, clock, client)

            async def end() -> None:
                await client.aclose()
                await gateway.stop()
                await bus.close()
                await asyncio.gather(*(s.task for s in harness.sockets), return_exceptions=True)

            ends.push_async_callback(end)
            return harness

        yield make_harness


@pytest.fixture
async def harness(make: MakeHarness) -> Harness:
    """A gateway without keys, on loopback."""
    made: Harness = await make()
    return made
