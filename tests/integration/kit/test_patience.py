"""Clients that begin a request and do not end it."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response

from towpath_proto.errors import TowpathError
from towpath_service_kit import patience, straight
from towpath_service_kit.service import HttpServer, bind
from towpath_service_kit.straight import Straight, read_body

HEAD = b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"


async def _endpoint(headers, receive) -> Response:
    try:
        return PlainTextResponse(await read_body(headers, receive))
    except TowpathError as e:
        return PlainTextResponse(f"{e.code}: {e.message}", 400)


@contextlib.asynccontextmanager
async def served():
    server = HttpServer(Straight(Starlette(), ["/x"], _endpoint), bind("127.0.0.1", 0))
    task = asyncio.create_task(server.run())
    try:
        yield server.port
    finally:
        server.stop()
        server.stop()
        await task


async def _said(port: int, *pieces: bytes) -> bytes:
    """What comes back until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()
    return answer


@pytest.mark.parametrize("pieces", [(), (b"P",), (HEAD,), (HEAD + b"\r\nhello", HEAD)], ids=["nothing", "a byte", "half", "another half"])
async def test_headers_must_be_whole_in_time(monkeypatch, pieces):
    """A connection that sends none, or half of them, is closed; whole requests before are answered."""
    monkeypatch.setattr(patience, "HEADERS", 0.2)
    async with served() as port:
        answer = await _said(port, *pieces)
    assert answer.endswith(b"hello") if len(pieces) == 2 else answer == b""


async def test_a_body_must_be_whole_in_time(monkeypatch):
    """Half a body is refused with a code; one that comes in pieces is taken; many who wait hold up nobody."""
    monkeypatch.setattr(straight, "BODY", 0.5)
    head = HEAD + b"Connection: close\r\n\r\n"
    async with served() as port:
        late = [asyncio.create_task(_said(port, head + b"hel")) for _ in range(50)]
        assert (await _said(port, head, b"hel", b"lo")).endswith(b"hello")
        assert not any(task.done() for task in late)
        for answer in await asyncio.gather(*late):
            assert answer.startswith(b"HTTP/1.1 400")
            assert b"BAD_REQUEST: The body was not whole after 0.5 s" in answer
