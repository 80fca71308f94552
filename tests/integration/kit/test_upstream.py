"""One conformance suite over both kinds of upstream, and what is HTTP's own."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from towpath_proto.errors import Code, TowpathError
from towpath_service_kit.service import HttpServer, bind
from towpath_service_kit.testing import capture_logs
from towpath_service_kit.upstream import AsgiUpstream, HttpUpstream


async def echo(request: Request) -> Response:
    body = await request.body()
    shown = {name: request.headers.get(name) for name in ("content-type", "x-one", "content-length")}
    return JSONResponse(
        {"method": request.method, "query": request.url.query, "body": body.decode(), "headers": shown},
        status_code=int(request.query_params.get("status", "200")),
        headers={"X-Two": "2"},
    )


async def broken(request: Request) -> Response:
    raise RuntimeError("a bug")


async def never(request: Request) -> Response:
    await asyncio.get_running_loop().create_future()
    raise AssertionError


async def counting(request: Request) -> Response:
    async def numbers():
        for number in range(1000):
            yield f"{number},".encode()

    return StreamingResponse(numbers(), media_type="text/plain")


async def endless(request: Request) -> Response:
    async def zeros():
        try:
            while True:
                yield b"0" * 1024
                await asyncio.sleep(0)  # else a server of this very loop never hears that the reader has left
        finally:
            request.app.state.ended.set()

    return StreamingResponse(zeros())


async def breaks_off(request: Request) -> Response:
    async def part():
        yield b"part"
        raise RuntimeError("a bug in the middle")

    return StreamingResponse(part())


async def hasty(scope, receive, send) -> None:
    """Answers nothing at all."""


@pytest.fixture
def application() -> Starlette:
    handlers = (broken, never, counting, endless, breaks_off)
    routes = [Route("/echo", echo, methods=["GET", "POST"])]
    app = Starlette(routes=routes + [Route(f"/{h.__name__}", h, methods=["GET", "POST"]) for h in handlers])
    app.state.ended = asyncio.Event()
    return app


@contextlib.asynccontextmanager
async def served(app):
    server = HttpServer(app, bind("127.0.0.1", 0))
    task = asyncio.create_task(server.run())
    try:
        yield server.port
    finally:
        server.stop()
        server.stop()
        await task


@pytest.fixture(params=["http", "asgi"])
async def upstream(request, application):
    if request.param == "asgi":
        yield AsgiUpstream(application, timeout=30)
        return
    async with served(application) as port:
        remote = HttpUpstream(f"http://127.0.0.1:{port}", timeout=30)
        yield remote
        await remote.close()


async def test_a_post_carries_body_headers_and_query(upstream):
    """Body, headers, query and content type arrive; status, headers and body come back."""
    answer = await upstream.post("/echo?a=1&status=418", b'{"x":1}', {"X-One": "1"})
    assert answer.status == 418
    assert answer.headers["x-two"] == "2"
    assert answer.body == (
        b'{"method":"POST","query":"a=1&status=418","body":"{\\"x\\":1}",'
        b'"headers":{"content-type":"application/json","x-one":"1","content-length":"7"}}'
    )


async def test_a_get_has_no_body(upstream):
    """A GET carries headers only."""
    answer = await upstream.get("/echo", {"x-one": "2"})
    assert answer.status == 200
    assert b'"method":"GET"' in answer.body
    assert b'"content-type":null,"x-one":"2"' in answer.body


async def test_an_unknown_path_is_an_answer(upstream):
    """A 404 is returned and not raised."""
    assert (await upstream.get("/nowhere")).status == 404


async def test_a_bug_is_a_500_and_nothing_leaks(upstream):
    """An application that raises is a 500 without its message."""
    with capture_logs():
        answer = await upstream.post("/broken", b"")
    assert (answer.status, answer.body) == (500, b"Internal Server Error")


async def test_a_long_answer_is_collected(upstream):
    """An answer in many pieces is one body for `post`."""
    answer = await upstream.post("/counting", b"")
    assert answer.body == b"".join(f"{n},".encode() for n in range(1000))


async def test_a_stream_is_read_as_it_arrives(upstream):
    """`stream` gives status and headers first and the same body in pieces."""
    async with upstream.stream("/counting", b"") as answer:
        assert answer.status == 200
        assert answer.headers["content-type"].startswith("text/plain")
        assert b"".join([chunk async for chunk in answer.chunks]) == b"".join(f"{n},".encode() for n in range(1000))


async def test_a_short_answer_is_fetched_whole_and_a_long_one_open(upstream, application):
    """Up to a length an answer is whole; beyond, it is read as it arrives, and left by closing it."""
    wanted = "".join(f"{n}," for n in range(1000)).encode()
    whole = await upstream.fetch("/counting", b"", whole=len(wanted))
    assert (whole.status, whole.body) == (200, wanted)
    opened = await upstream.fetch("/counting", b"", whole=len(wanted) - 1)
    assert opened.status == 200
    assert b"".join([chunk async for chunk in opened.chunks]) == wanted
    await opened.close()
    if isinstance(upstream, HttpUpstream):
        opened = await upstream.fetch("/endless", b"", whole=10_000)
        await anext(opened.chunks)
        await opened.close()
        async with asyncio.timeout(60):
            await application.state.ended.wait()
        opened = await upstream.fetch("/breaks_off", b"", whole=0)
        with capture_logs(), pytest.raises(TowpathError) as caught:
            _ = [chunk async for chunk in opened.chunks]
        assert caught.value.code is Code.UNREACHABLE
        await opened.close()


async def test_leaving_a_stream_early_ends_the_call(upstream, application):
    """An endless answer ends at the application when its reader leaves."""
    async with upstream.stream("/endless", b"") as answer:
        async for chunk in answer.chunks:
            assert chunk
            break
    async with asyncio.timeout(60):
        await application.state.ended.wait()


async def test_an_answer_that_breaks_off_is_an_error(upstream):
    """Half an answer is never taken for a whole one."""
    with capture_logs():
        async with upstream.stream("/breaks_off", b"") as answer:
            with pytest.raises(TowpathError) as caught:
                [chunk async for chunk in answer.chunks]
    assert caught.value.code is Code.UNREACHABLE


async def test_calls_run_concurrently(upstream):
    """Many calls at a time get each its own answer."""
    answers = await asyncio.gather(*(upstream.post("/echo", str(n).encode()) for n in range(50)))
    assert [f'"body":"{n}"'.encode() in answer.body for n, answer in enumerate(answers)] == [True] * 50


async def test_a_closed_upstream_opens_again(upstream):
    """Closing lets go of connections, and a later call works."""
    assert (await upstream.get("/echo")).status == 200
    await upstream.close()
    assert (await upstream.get("/echo")).status == 200


@pytest.mark.parametrize("kind", ["http", "asgi"])
async def test_no_answer_in_time_is_a_timeout(kind, application):
    """Whoever gets no answer learns so by the code TIMEOUT."""
    async with contextlib.AsyncExitStack() as stack:
        if kind == "http":
            port = await stack.enter_async_context(served(application))
            upstream = HttpUpstream(f"http://127.0.0.1:{port}", timeout=0.1)
            stack.push_async_callback(upstream.close)
        else:
            upstream = AsgiUpstream(application, timeout=0.1)
        with pytest.raises(TowpathError) as caught:
            await upstream.post("/never", b"")
    assert caught.value.code is Code.TIMEOUT


async def test_an_application_that_answers_nothing_is_a_500():
    """An in-process application that returns without an answer is a 500, as a server makes of it."""
    assert (await AsgiUpstream(hasty).post("/", b"")).status == 500


async def test_nobody_there_is_unreachable():
    """An address where nothing listens is UNREACHABLE, with the address in the sentence."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    upstream = HttpUpstream(f"http://127.0.0.1:{port}")
    with pytest.raises(TowpathError) as caught:
        await upstream.get("/")
    assert caught.value.code is Code.UNREACHABLE
    assert f"127.0.0.1:{port}" in caught.value.message
    await upstream.close()
