"""The way around a framework for the one request that makes up nearly all traffic.

Routing and the layers of middleware of FastAPI and Starlette cost a small GraphQL call as much as parsing and checking it. A service
that answers POSTs on a fixed path takes them here, straight from ASGI, and leaves every other request to its application.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from towpath_proto.errors import Code, TowpathError
from towpath_service_kit import stimulus, tracing

BODY = 60.0
"""Seconds until a request's body is whole."""
Endpoint = Callable[[Mapping[str, str], Receive], Awaitable[Response]]
"""Answers a request, given its headers (see `headers_of`) and what its body comes from."""


class Straight:
    """An application whose POSTs on some paths go straight to their endpoint.

    Args:
        app: Answers everything else.
        paths: The paths, as they stand in the request.
        endpoint: Answers the POSTs on them; whatever it raises is the server's to answer.
        service: What these requests are called in traces; they and their logs are then part of what their headers name. None: somebody in
            front has seen to that.
    """

    def __init__(self, app: ASGIApp, paths: Collection[str], endpoint: Endpoint, *, service: str | None = None) -> None:
        self._app = app
        self._service = service
        self.paths = frozenset(paths)
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request, a WebSocket or a lifespan."""
        if scope["type"] == "http" and scope["method"] == "POST" and scope["path"] in self.paths:
            headers = headers_of(scope)
            if self._service is None:
                response = await self._endpoint(headers, receive)
            else:
                response = await self._traced(self._service, headers, receive)
            await response(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _traced(self, service: str, headers: Mapping[str, str], receive: Receive) -> Response:
        named = stimulus.accepted(headers.get(stimulus.HEADER))
        with tracing.span(service, kind="server", parent=headers.get(tracing.HEADER)):
            if named is None or named == stimulus.current():  # in one process with its caller it is known already
                return await self._endpoint(headers, receive)
            with stimulus.stimulus(named):
                return await self._endpoint(headers, receive)


def headers_of(scope: Scope) -> dict[str, str]:
    """The headers of a request by lower-case name; the first of equal names, as Starlette's `Headers` has it."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(scope["headers"])}


async def read_body(headers: Mapping[str, str], receive: Receive, limit: int | None = None) -> bytes:
    """The body of a request, read no further than the limit.

    Args:
        headers: The request's headers.
        receive: Where the body comes from.
        limit: Bytes at most; None for any number.

    Raises:
        TowpathError: `PAYLOAD_TOO_LARGE`; `BAD_REQUEST` when it is not whole in time.
        ClientDisconnect: The client has gone before its body was whole.
    """
    if limit is not None:
        declared = headers.get("content-length", "")
        if declared.isdecimal() and int(declared[:20]) > limit:
            raise too_large(limit)
    try:
        async with asyncio.timeout(BODY):
            return await _read(receive, limit)
    except TimeoutError:
        sentence = f"The body was not whole after {BODY:g} s; send it faster, or in several requests."
        raise TowpathError(Code.BAD_REQUEST, sentence) from None


async def _read(receive: Receive, limit: int | None) -> bytes:
    parts: list[bytes] = []
    length = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        parts.append(message.get("body", b""))
        length += len(parts[-1])
        if limit is not None and length > limit:
            raise too_large(limit)
        if not message.get("more_body", False):
            return b"".join(parts)


def too_large(limit: int) -> TowpathError:
    """The error for a body over the limit."""
    sentence = f"The body is longer than {limit} bytes; send it in several requests, or raise TOWPATH_MAX_BODY_BYTES."
    return TowpathError(Code.PAYLOAD_TOO_LARGE, sentence, limit=limit)
