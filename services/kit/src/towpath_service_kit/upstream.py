"""The next service behind this one, over HTTP or in this process.

`Upstream` is the port; `HttpUpstream` keeps connections alive, `AsgiUpstream` calls an application directly (the standalone server's hops
cost no socket). Both give the same answers for the same application. No retries here: whether a call may be repeated, its caller knows.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

import httpx
from starlette.types import ASGIApp, Message

from towpath_proto.errors import Code, TowpathError
from towpath_service_kit.logs import get_log

_log = get_log(__name__)
TIMEOUT = 30.0
"""Seconds for one call."""
_SLICE = 65_536
_CHUNKS = 8  # answer chunks in flight between an application and its reader


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An answer read to its end.

    Attributes:
        status: HTTP status.
        headers: By lower-case name; the last of equal names.
        body: The body.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenResponse:
    """An answer that is too long to be held.

    Attributes:
        status: HTTP status.
        headers: By lower-case name.
        chunks: The body's pieces, once; `TowpathError` when the answer breaks off.
        close: To be called by whoever has taken it, however far it was read.
    """

    status: int
    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]
    close: Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamedResponse:
    """An answer whose body is read as it arrives.

    Attributes:
        status: HTTP status.
        headers: By lower-case name.
        chunks: The body's pieces; to be read within the `stream` block.
    """

    status: int
    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]


class Upstream(Protocol):
    """A service that can be called.

    Obligations: an answer of any status is returned, not raised. An application that fails without an answer is a 500. `UNREACHABLE` means
    that nothing answered, `TIMEOUT` that nothing answered in time (the call may have had its effect). Calls may run concurrently.
    """

    async def post(self, path: str, body: bytes, headers: Mapping[str, str] | None = None) -> Response:
        """POST `body`; its content type is JSON unless `headers` say otherwise."""
        ...

    async def fetch(self, path: str, body: bytes, headers: Mapping[str, str] | None = None, *, whole: int) -> Response | OpenResponse:
        """As `post`, but an answer of more than `whole` bytes is given open, to be read as it arrives."""
        ...

    async def get(self, path: str, headers: Mapping[str, str] | None = None) -> Response:
        """GET."""
        ...

    def stream(self, path: str, body: bytes, headers: Mapping[str, str] | None = None) -> AbstractAsyncContextManager[StreamedResponse]:
        """POST `body` and read the answer as it arrives; leaving the block early ends the call."""
        ...

    async def close(self) -> None:
        """Let go of what is held open. A later call opens it anew."""
        ...


def _headers(headers: Mapping[str, str] | None, *, post: bool) -> dict[str, str]:
    chosen = {name.lower(): value for name, value in (headers or {}).items()}
    if post:
        chosen.setdefault("content-type", "application/json")
    return chosen


class HttpUpstream:
    """A service by its address, on connections that are kept.

    Args:
        url: Its base address.
        timeout: Seconds for one call.
        connections: Most connections at a time; further calls wait for one.
    """

    def __init__(self, url: str, *, timeout: float = TIMEOUT, connections: int = 64) -> None:
        self._url = url.rstrip("/")
        self._timeout = timeout
        self._limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=60)
        self._opened: httpx.AsyncClient | None = None

    @property
    def _client(self) -> httpx.AsyncClient:
        if self._opened is None:
            self._opened = httpx.AsyncClient(
                base_url=self._url,
                limits=self._limits,
                timeout=httpx.Timeout(self._timeout, connect=min(self._timeout, 5.0)),
                trust_env=False,  # a proxy from the environment has no place between our own services
            )
        return self._opened

    async def post(self, path: str, body: bytes, headers: Mapping[str, str] | None = None) -> Response:
        """See `Upstream`."""
        return await self._call("POST", path, body, _headers(headers, post=True))

    async def fetch(self, path: str, body: bytes, headers: Mapping[str, str] | None = None, *, whole: int) -> Response | OpenResponse:
        """See `Upstream`."""
        request = self._client.build_request("POST", path, content=body, headers=_headers(headers, post=True))
        answer: httpx.Response | None = None
        start: list[bytes] = []
        try:
            async with asyncio.timeout(self._timeout):
                answer = await self._client.send(request, stream=True)
                pieces = answer.aiter_bytes()
                async for piece in pieces:
                    start.append(piece)
                    if sum(map(len, start)) > whole:
                        chunks = self._rest(start, pieces)
                        return OpenResponse(status=answer.status_code, headers=dict(answer.headers), chunks=chunks, close=answer.aclose)
        except BaseException as e:
            if answer is not None:
                await answer.aclose()
            if isinstance(e, httpx.HTTPError | TimeoutError):
                raise self._error(e) from e
            raise
        await answer.aclose()
        return Response(status=answer.status_code, headers=dict(answer.headers), body=b"".join(start))

    async def _rest(self, start: list[bytes], pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        while start:
            yield start.pop(0)
        try:
            async for piece in pieces:
                yield piece
        except httpx.HTTPError as e:
            raise self._error(e) from e

    async def get(self, path: str, headers: Mapping[str, str] | None = None) -> Response:
        """See `Upstream`."""
        return await self._call("GET", path, None, _headers(headers, post=False))

    async def _call(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Response:
        try:
            async with asyncio.timeout(self._timeout):
                answer = await self._client.request(method, path, content=body, headers=headers)
        except (httpx.HTTPError, TimeoutError) as e:
            raise self._error(e) from e
        return Response(status=answer.status_code, headers=dict(answer.headers), body=answer.content)

    @contextlib.asynccontextmanager
    async def stream(self, path: str, body: bytes, headers: Mapping[str, str] | None = None) -> AsyncIterator[StreamedResponse]:
        """See `Upstream`."""
        request = self._client.build_request("POST", path, content=body, headers=_headers(headers, post=True))
        try:
            answer = await self._client.send(request, stream=True)
        except httpx.HTTPError as e:
            raise self._error(e) from e
        try:
            yield StreamedResponse(status=answer.status_code, headers=dict(answer.headers), chunks=self._chunks(answer))
        finally:
            await answer.aclose()

    async def _chunks(self, answer: httpx.Response) -> AsyncIterator[bytes]:
        try:
            async for chunk in answer.aiter_bytes():
                yield chunk
        except httpx.HTTPError as e:
            raise self._error(e) from e

    async def close(self) -> None:
        """Close the connections."""
        client, self._opened = self._opened, None
        if client is not None:
            await client.aclose()

    def _error(self, error: Exception) -> TowpathError:
        parts = urlsplit(self._url)
        where = f"{parts.hostname}:{parts.port}" if parts.port else f"{parts.hostname}"
        if isinstance(error, httpx.TimeoutException | TimeoutError) and not isinstance(error, httpx.ConnectTimeout):
            return TowpathError(Code.TIMEOUT, f"{where} did not answer within {self._timeout:g} s; try again.", address=where)
        return TowpathError(Code.UNREACHABLE, f"Nothing answers at {where}; is the service running?", address=where)


class AsgiUpstream:
    """An application in this process, called in the caller's own task.

    Args:
        app: The application. It must not rely on ASGI's lifespan.
        name: For errors and as the host name.
        timeout: Seconds for one call.
    """

    def __init__(self, app: ASGIApp, *, name: str = "in-process", timeout: float = TIMEOUT) -> None:
        self._app = app
        self._name = name
        self._timeout = timeout

    async def post(self, path: str, body: bytes, headers: Mapping[str, str] | None = None) -> Response:
        """See `Upstream`."""
        return await self._call("POST", path, body, _headers(headers, post=True))

    async def get(self, path: str, headers: Mapping[str, str] | None = None) -> Response:
        """See `Upstream`."""
        return await self._call("GET", path, b"", _headers(headers, post=False))

    async def fetch(self, path: str, body: bytes, headers: Mapping[str, str] | None = None, *, whole: int) -> Response | OpenResponse:
        """See `Upstream`. The application has made its pieces already; they are handed on and not copied into a longer one."""
        exchange = await self._exchanged("POST", path, body, _headers(headers, post=True))
        if sum(map(len, exchange.parts)) <= whole:
            return Response(status=exchange.status, headers=exchange.headers, body=b"".join(exchange.parts))
        return OpenResponse(status=exchange.status, headers=exchange.headers, chunks=_sliced(exchange.parts), close=_nothing)

    async def _call(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Response:
        exchange = await self._exchanged(method, path, body, headers)
        return Response(status=exchange.status, headers=exchange.headers, body=b"".join(exchange.parts))

    async def _exchanged(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> _Exchange:
        exchange = _Exchange(body)
        try:
            async with asyncio.timeout(self._timeout) as limit:
                await self._run(exchange, _scope(self._name, method, path, body, headers), exchange.collect)
        except TimeoutError:
            if not limit.expired():
                raise
            raise TowpathError(Code.TIMEOUT, f"{self._name} did not answer within {self._timeout:g} s; try again.") from None
        return exchange

    async def _run(self, exchange: _Exchange, scope: Message, send: _Send) -> None:
        try:
            await self._app(scope, exchange.receive, send)
        except Exception as e:
            # Frameworks send a 500 and raise again for the server's log; with a server between, the caller would see just the 500.
            _log.error("application_failed", app=self._name, path=scope["path"], error=e)
            if not exchange.complete:
                exchange.fail()
        else:
            if not exchange.complete:
                exchange.fail()

    @contextlib.asynccontextmanager
    async def stream(self, path: str, body: bytes, headers: Mapping[str, str] | None = None) -> AsyncIterator[StreamedResponse]:
        """See `Upstream`."""
        exchange = _StreamedExchange(body)
        scope = _scope(self._name, "POST", path, body, _headers(headers, post=True))

        async def answer() -> None:
            await self._run(exchange, scope, exchange.pass_on)
            await exchange.end()

        task = asyncio.create_task(answer(), name=f"stream {self._name}")
        try:
            async with asyncio.timeout(self._timeout) as limit:
                await exchange.started.wait()
            yield StreamedResponse(status=exchange.status, headers=exchange.headers, chunks=exchange.chunks(self._name))
        except TimeoutError:
            if not limit.expired():
                raise
            raise TowpathError(Code.TIMEOUT, f"{self._name} did not answer within {self._timeout:g} s; try again.") from None
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def close(self) -> None:
        """Nothing is held."""


async def _sliced(parts: list[bytes]) -> AsyncIterator[bytes]:
    while parts:
        part = parts.pop(0)
        for start in range(0, len(part), _SLICE):
            yield part[start : start + _SLICE]


async def _nothing() -> None:
    """Nothing is held."""


class _Send(Protocol):
    async def __call__(self, message: Message, /) -> None: ...


class _Exchange:
    """One request and its answer, as ASGI messages."""

    def __init__(self, body: bytes) -> None:
        self._body: bytes | None = body
        self.status = 500
        self.headers: dict[str, str] = {}
        self.parts: list[bytes] = []
        self.complete = False

    async def receive(self) -> Message:
        body, self._body = self._body, None
        if body is not None:
            return {"type": "http.request", "body": body, "more_body": False}
        # The caller is there until the answer is complete; whoever waits for it to leave is cancelled with the call.
        await asyncio.get_running_loop().create_future()
        return {"type": "http.disconnect"}

    async def collect(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in message.get("headers", ())}
        elif message["type"] == "http.response.body":
            if chunk := message.get("body", b""):
                self.parts.append(bytes(chunk))
            self.complete = not message.get("more_body", False)

    def fail(self) -> None:
        self.status, self.headers, self.parts = 500, {}, [b"Internal Server Error"]


class _StreamedExchange(_Exchange):
    """The same with the body handed on piece by piece; a slow reader slows the application."""

    def __init__(self, body: bytes) -> None:
        super().__init__(body)
        self.started = asyncio.Event()
        self._broken = False
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(_CHUNKS)

    async def pass_on(self, message: Message) -> None:
        await self.collect(message)
        if message["type"] == "http.response.body":
            self.started.set()
            for part in self.parts:
                await self._queue.put(part)
            self.parts = []

    def fail(self) -> None:
        if self.started.is_set():
            self._broken = True
        else:
            super().fail()

    async def end(self) -> None:
        self.started.set()
        for part in self.parts:
            await self._queue.put(part)
        await self._queue.put(None)

    async def chunks(self, name: str) -> AsyncIterator[bytes]:
        while (chunk := await self._queue.get()) is not None:
            yield chunk
        if self._broken:
            raise TowpathError(Code.UNREACHABLE, f"{name} broke off its answer.")


def _scope(name: str, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Message:
    plain, _, query = path.partition("?")
    pairs = [(n.encode("latin-1"), v.encode("latin-1")) for n, v in headers.items()]
    if "host" not in headers:
        pairs.append((b"host", name.encode()))
    if method == "POST":
        pairs.append((b"content-length", str(len(body)).encode()))
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": plain,
        "raw_path": plain.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": pairs,
        "client": ("127.0.0.1", 0),
        "server": (name, None),
        "state": {},
    }
