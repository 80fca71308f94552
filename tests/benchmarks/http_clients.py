"""Prepared HTTP requests over kept-alive connections, sent from an event loop at as little cost as Python allows.

What a client costs is paid on the same cores as what it measures; this one parses no more of an answer than where it ends.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any, cast


def prepared(path: str, document: str, variables: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> bytes:
    """The bytes of a request."""
    body = json.dumps({"query": document, "variables": variables}).encode()
    lines = {"host": "127.0.0.1", "content-type": "application/json", "content-length": str(len(body)), **(headers or {})}
    return f"POST {path} HTTP/1.1\r\n{''.join(f'{k}: {v}{chr(13)}{chr(10)}' for k, v in lines.items())}\r\n".encode() + body


class Connection(asyncio.Protocol):
    """One connection; it asks one thing at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[bytes] | None = None
        self._received = bytearray()
        self._head = self._end = 0

    @classmethod
    async def open(cls, port: int) -> Connection:
        """A connection to a port of this machine."""
        _, protocol = await asyncio.get_running_loop().create_connection(cls, "127.0.0.1", port)
        return protocol

    async def ask(self, request: bytes) -> bytes:
        """The body of the answer.

        Raises:
            RuntimeError: the status is not 200, or the connection has ended.
        """
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._received, self._end = bytearray(), 0
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        """End it."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        received = self._received
        received += data
        if not self._end:
            head = received.find(b"\r\n\r\n")
            if head < 0:
                return
            lines = bytes(received[:head]).lower().split(b"\r\n")
            length = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), None)
            if not lines[0].startswith(b"http/1.1 200 ") or length is None:
                self._fail(bytes(received[:500]).decode(errors="replace"))
                return
            self._head, self._end = head + 4, head + 4 + length
        if len(received) >= self._end and self._answer is not None and not self._answer.done():
            self._answer.set_result(bytes(received[self._head : self._end]))

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._fail("the connection has ended")

    def _fail(self, why: str) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(RuntimeError(why))
