"""One WebSocket: who it is, its operations, and their end.

Failure cases:

- *A client that never introduces itself* is closed after ten seconds.
- *A client that reads slowly* holds its own operations up, since each waits for its message to be sent; hints for them are kept in
  bounded number (`hints`). One that takes nothing for a minute is closed.
- *A credential that ends meanwhile* (a deleted key, an expired one) ends the connection within the time of one recheck.
- *The gateway stops*: every connection is closed with "going away"; clients come back by themselves.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from prometheus_client import Gauge
from starlette.websockets import WebSocket, WebSocketDisconnect

from towpath_gateway.asking import Ask, read_ask
from towpath_gateway.backends import Answer, Caller
from towpath_gateway.callers import Callers
from towpath_gateway.limits import exceeded
from towpath_gateway.subscriptions.protocol import DIALECTS, Action, Begin, Close, Complete, Dialect, Protocol, Send, Subscribe
from towpath_proto.errors import Code, TowpathError
from towpath_service_kit.logs import get_log
from towpath_service_kit.metrics import Metrics

_log = get_log(__name__)
_CREDENTIALS = ("authorization", "x-towpath-tenant", "x-prefect-tenant-id")
"""What a client may give in the payload of connection_init, for browsers that cannot set headers."""

Operate = Callable[[Ask, Caller], AsyncGenerator[Answer, None]]
"""Yields the results of an operation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long a connection waits for what, in seconds.

    Attributes:
        init: Until a client has introduced itself.
        send: Until a client has taken a message.
        recheck: Between two looks at whether the client's credential is still good.
    """

    init: float = 10.0
    send: float = 60.0
    recheck: float = 30.0


@dataclass(frozen=True, slots=True)
class _Limits:
    operations: int
    message_bytes: int
    timing: Timing


class _CloseError(Exception):
    """The connection is to be closed."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Connections:
    """All WebSockets of this gateway.

    Args:
        callers: Knows who asks.
        operate: Carries operations out.
        max_connections: How many there may be.
        max_operations: How many operations one may have at a time.
        max_message_bytes: Length of a message.
        metrics: Where it counts.
        timing: How long a connection waits for what.
    """

    def __init__(
        self,
        callers: Callers,
        operate: Operate,
        *,
        max_connections: int,
        max_operations: int,
        max_message_bytes: int,
        metrics: Metrics,
        timing: Timing | None = None,
    ) -> None:
        self._callers = callers
        self._operate = operate
        self._max_connections = max_connections
        self._limits = _Limits(max_operations, max_message_bytes, timing or Timing())
        self._open: set[asyncio.Task[Any]] = set()
        self._gauge = metrics.gauge("towpath_gateway_connections", "Open WebSockets.")
        self._operations = metrics.gauge("towpath_gateway_operations", "Operations on them.")

    async def connect(self, websocket: WebSocket) -> None:
        """Serve a WebSocket to its end."""
        offered = websocket.scope.get("subprotocols", ())
        dialect = next((d for d in DIALECTS if d.subprotocol in offered), None)
        if dialect is None:
            await websocket.close(4406, f"use the subprotocol {DIALECTS[0].subprotocol}")
            return
        if len(self._open) >= self._max_connections:
            await websocket.close(1013, "too many connections; try again later")
            return
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        self._gauge.inc()
        try:
            connection = _Connection(websocket, dialect, self._callers, self._operate, self._limits, self._operations)
            await connection.serve()
        finally:
            self._open.discard(task)
            self._gauge.dec()

    async def close(self) -> None:
        """Close them all."""
        tasks = list(self._open)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Connection:
    def __init__(self, websocket: WebSocket, dialect: Dialect, callers: Callers, operate: Operate, limits: _Limits, gauge: Gauge) -> None:
        self._websocket = websocket
        self._dialect = dialect
        self._callers = callers
        self._operate = operate
        self._limits = limits
        self._gauge = gauge
        self._protocol = Protocol(dialect)
        self._sending = asyncio.Lock()
        self._headers: dict[str, str] = dict(websocket.headers)
        self._caller: Caller | None = None
        self._running: dict[str, asyncio.Task[None]] = {}
        """By the ids that are taken; an id is free again before its client hears of the end."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def serve(self) -> None:
        await self._websocket.accept(subprotocol=self._dialect.subprotocol)
        reading = asyncio.create_task(self._read(), name="websocket")
        checking = asyncio.create_task(self._recheck(), name="websocket recheck")
        code, reason = 1001, "the server is going away"
        try:
            done, _ = await asyncio.wait({reading, checking, self._failed}, return_when=asyncio.FIRST_COMPLETED)
            done.pop().result()
        except _CloseError as e:
            code, reason = e.code, e.reason
        except WebSocketDisconnect:
            code = 0
        finally:
            tasks = [reading, checking, *self._tasks]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if not self._failed.cancel():
                self._failed.exception()  # seen, even when something else ended the connection
            if code:
                await self._close(code, reason)

    async def _close(self, code: int, reason: str) -> None:
        try:
            async with asyncio.timeout(min(2.0, self._limits.timing.send)):
                await self._websocket.close(code, reason)
        except (TimeoutError, RuntimeError, WebSocketDisconnect, OSError):
            pass  # it is closed already, or will never be again

    async def _read(self) -> None:
        try:
            async with asyncio.timeout(self._limits.timing.init):
                while self._caller is None:
                    await self._carry_out(await self._next_action())
        except TimeoutError:
            raise _CloseError(4408, "Connection initialisation timeout") from None
        while True:
            await self._carry_out(await self._next_action())

    async def _next_action(self) -> Action:
        message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1005))
        text = message.get("text")
        if text is None:
            return Close(4400, "send text, not bytes")
        if len(text) > self._limits.message_bytes:
            return Close(1009, f"a message may have {self._limits.message_bytes} bytes")
        return self._protocol.receive(text)

    async def _carry_out(self, action: Action) -> None:
        match action:
            case Send(message):
                await self._send(json.dumps(message))
            case Close(code, reason):
                raise _CloseError(code, reason)
            case Begin(payload):
                await self._begin(payload)
            case Subscribe(operation_id, payload):
                await self._subscribe(operation_id, payload)
            case Complete(operation_id):
                task = self._running.pop(operation_id, None)
                if task is not None:
                    task.cancel()

    async def _begin(self, payload: Mapping[str, Any]) -> None:
        for name, value in payload.items():
            if name.lower() in _CREDENTIALS and isinstance(value, str):
                self._headers[name.lower()] = value
        try:
            self._caller = await self._authenticate()
        except _CloseError as e:
            if self._dialect.refuses:
                await self._send(json.dumps({"type": "connection_error", "payload": {"message": e.reason}}))
            raise
        self._protocol.acknowledged()
        await self._send('{"type":"connection_ack"}')

    async def _authenticate(self) -> Caller:
        try:
            return await self._callers.caller(self._headers)
        except TowpathError as e:
            code = {Code.UNAUTHENTICATED: 4401, Code.FORBIDDEN: 4403, Code.BAD_REQUEST: 4400}.get(e.code, 1013)
            raise _CloseError(code, _reason(f"{e.code}: {e.message}")) from None

    async def _recheck(self) -> None:
        while True:
            await asyncio.sleep(self._limits.timing.recheck)
            if self._caller is None:
                continue
            try:
                self._caller = await self._authenticate()
            except _CloseError as e:
                if e.code != 1013:  # a look-up that is not possible at present says nothing against the credential
                    raise

    async def _subscribe(self, operation_id: str, payload: Any) -> None:
        assert self._caller is not None
        if operation_id in self._running:
            raise _CloseError(4409, _reason(f"Subscriber for {operation_id} already exists"))
        try:
            if len(self._running) >= self._limits.operations:
                raise exceeded("The connection has too many operations", self._limits.operations, "end one, or open another connection")
            ask = read_ask(payload)
        except TowpathError as e:
            await self._error(operation_id, e)
            return
        task = asyncio.create_task(self._run(operation_id, ask, self._caller), name=f"operation {operation_id}")
        self._running[operation_id] = task
        self._tasks.add(task)
        self._gauge.inc()
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._gauge.dec()
        error = None if task.cancelled() else task.exception()
        if error is not None and not self._failed.done():
            self._failed.set_exception(error)

    async def _run(self, operation_id: str, ask: Ask, caller: Caller) -> None:
        head = f'{{"id":{json.dumps(operation_id)},"type":"{self._dialect.result}","payload":'
        last = json.dumps({"id": operation_id, "type": "complete"})
        try:
            async with aclosing(self._operate(ask, caller)) as answers:
                async for answer in answers:
                    if answer.body[:8] != b'{"data":':
                        last = self._dialect.failed(operation_id, answer.errors())
                        break
                    await self._send_answer(head, answer)
        except TowpathError as e:
            last = self._dialect.failed(operation_id, Answer.failed(e).errors())
        except (_CloseError, WebSocketDisconnect):
            raise
        except Exception as e:  # one operation's fault must not end the others
            _log.error("operation_failed", error=e)
            last = self._dialect.failed(
                operation_id, Answer.failed(TowpathError(Code.INTERNAL, "The gateway failed; its log says why.")).errors()
            )
        if self._running.get(operation_id) is asyncio.current_task():
            del self._running[operation_id]
            await self._send(last)

    async def _error(self, operation_id: str, error: TowpathError) -> None:
        await self._send(self._dialect.failed(operation_id, Answer.failed(error).errors()))

    async def _send(self, text: str) -> None:
        await self._deliver(lambda: text)

    async def _send_answer(self, head: str, answer: Answer) -> None:
        await self._deliver(lambda: f"{head}{answer.body.decode()}}}")

    async def _deliver(self, message: Callable[[], str]) -> None:
        """Send a message; it is made when its turn has come, so that a client who takes nothing has one of them in memory."""
        try:
            async with asyncio.timeout(self._limits.timing.send), self._sending:
                await self._websocket.send_text(message())
        except TimeoutError:
            raise _CloseError(1008, f"no message was taken for {self._limits.timing.send:g} s") from None
        except (RuntimeError, OSError):  # the socket has gone while we were sending
            raise WebSocketDisconnect(1006) from None


def _reason(text: str) -> str:
    """A close reason has 123 bytes."""
    return text.encode()[:120].decode("utf-8", "ignore")
