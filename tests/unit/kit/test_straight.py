"""The way around a framework."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Message, Receive

from towpath_proto.errors import Code, TowpathError
from towpath_service_kit.straight import Straight, headers_of, read_body


async def _framework(request: Request) -> Response:
    return PlainTextResponse(f"framework {request.method} {request.url.path}")


async def _endpoint(headers: Mapping[str, str], receive: Receive) -> Response:
    return PlainTextResponse(f"straight {headers['x-word']} {(await read_body(headers, receive)).decode()}")


@pytest.mark.parametrize(
    ("method", "path", "text"),
    [
        ("POST", "/a", "straight boat ahoy"),
        ("POST", "/a/", "framework POST /a/"),
        ("POST", "/b", "framework POST /b"),
        ("PUT", "/a", "framework PUT /a"),
    ],
)
async def test_only_posts_on_its_paths_go_straight(method, path, text):
    """Everything else is the application's to answer, its 404s and 405s included."""
    app = Straight(Starlette(routes=[Route("/{path:path}", _framework, methods=["POST", "PUT"])]), ["/a"], _endpoint)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://boat") as client:
        answer = await client.request(method, path, content=b"ahoy", headers={"X-Word": "boat"})
    assert answer.text == text


def test_headers_are_those_of_starlette():
    """By lower-case name, and of equal names the first: a second `Authorization` or `Host` must not be able to hide the first one."""
    scope: dict[str, Any] = {"type": "http", "headers": [(b"host", b"a"), (b"authorization", b"x\xe9"), (b"host", b"b")]}
    assert headers_of(scope) == {"host": "a", "authorization": "x\xe9"}
    assert all(Headers(scope=scope)[name] == value for name, value in headers_of(scope).items())


def _receive(*messages: Message) -> Receive:
    left = list(messages)

    async def receive() -> Message:
        return left.pop(0)

    return receive


async def test_a_body_comes_in_pieces():
    """All pieces are read, empty ones too, and nothing after the last one."""
    pieces = [{"type": "http.request", "body": b, "more_body": b != b"d"} for b in (b"ab", b"", b"c", b"d")]
    assert await read_body({}, _receive(*pieces), 4) == b"abcd"
    assert await read_body({}, _receive({"type": "http.request"}), 0) == b""


async def test_a_body_is_read_no_further_than_its_limit():
    """A length that is declared is believed before anything is read; one that was not is noticed at the piece that passes the limit."""
    for headers, pieces in (({"content-length": "5"}, []), ({}, [b"abc", b"de"]), ({"content-length": "nonsense"}, [b"abcde"])):
        with pytest.raises(TowpathError) as caught:
            await read_body(headers, _receive(*({"type": "http.request", "body": b, "more_body": True} for b in pieces)), 4)
        assert caught.value.code is Code.PAYLOAD_TOO_LARGE


async def test_a_client_that_goes_is_noticed():
    """A body that breaks off is no body."""
    with pytest.raises(ClientDisconnect):
        await read_body({}, _receive({"type": "http.request", "body": b"a", "more_body": True}, {"type": "http.disconnect"}), 4)
