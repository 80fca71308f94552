"""The embedded NATS: free port, token, restarts on the same port, clear errors."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from urllib.parse import urlsplit

import pytest

from towpath_proto.errors import Code, TowpathError
from towpath_server.embedded import EmbeddedNats, supervise
from towpath_service_kit.testing import START_STOP_CASES, capture_logs


@pytest.fixture
def home(open_directory):
    return open_directory / "nats"


async def connects(url: str) -> bool:
    """Whether a client gets in; said in NATS's own protocol, for the client library leaves sockets behind when it is refused."""
    parts = urlsplit(url)
    try:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    except OSError:
        return False
    options = {"verbose": False, "pedantic": False, **({"auth_token": parts.username} if parts.username else {})}
    writer.write(f"CONNECT {json.dumps(options)}\r\nPING\r\n".encode())
    async with asyncio.timeout(5):
        assert (await reader.readline()).startswith(b"INFO ")
        answer = await reader.readline()
    writer.close()
    await writer.wait_closed()
    return answer == b"PONG\r\n"


async def test_only_the_token_opens_it(home):
    """A client without the token, or with another, is refused."""
    server = EmbeddedNats(home)
    await server.start()
    place = server.url.rpartition("@")[2]
    assert [await connects(url) for url in (server.url, f"nats://{place}", f"nats://wrong@{place}")] == [True, False, False]
    await server.stop()


async def test_a_restart_keeps_the_address(home):
    """After a stop, or a kill and a supervised restart, clients find it where it was."""
    server = EmbeddedNats(home)
    await server.start()
    url = server.url
    await server.stop()
    assert not await connects(url)
    await server.start()
    restarted = asyncio.Event()
    with capture_logs():
        task = asyncio.create_task(supervise(server, on_restart=lambda *_: restarted.set()))
        os.kill(server.pid, signal.SIGKILL)
        async with asyncio.timeout(15):
            await restarted.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert server.url == url
    assert await connects(url)
    await server.stop()


async def test_a_taken_port_is_refused(home):
    """A port that somebody else has is PORT_TAKEN."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = EmbeddedNats(home, port=port)
        with pytest.raises(TowpathError) as caught:
            await server.start()
    assert (caught.value.code, caught.value.detail) == (Code.PORT_TAKEN, {"port": port})
    await server.start()
    assert server.url.endswith(f":{port}")
    await server.stop()


async def test_two_servers_on_one_directory(home):
    """A second server on the same directory is refused while the first one runs."""
    first, second = EmbeddedNats(home), EmbeddedNats(home)
    await first.start()
    with pytest.raises(TowpathError) as caught:
        await second.start()
    assert caught.value.code is Code.DATA_DIR_IN_USE
    await first.stop()
    await second.start()
    await second.stop()


async def test_before_the_first_start_there_is_no_address(home):
    """Asking for address or process too early is a clear error."""
    server = EmbeddedNats(home)
    for ask in (lambda: server.url, lambda: server.pid):
        with pytest.raises(TowpathError) as caught:
            ask()
        assert caught.value.code is Code.NOT_RUNNING


async def test_a_directory_of_other_files_is_refused(home):
    """A directory that holds something else is refused, and nothing in it is touched."""
    home.mkdir()
    (home / "thesis.tex").write_text("precious")
    with pytest.raises(TowpathError) as caught:
        await EmbeddedNats(home).start()
    assert caught.value.code is Code.DATA_DIR_BROKEN
    assert [p.name for p in home.iterdir()] == ["thesis.tex"]


class AsService:
    """The server in the shape of the start/stop suite."""

    name = "NATS"

    def __init__(self, server: EmbeddedNats) -> None:
        self.start, self.stop = server.start, server.stop


@pytest.mark.parametrize("case", START_STOP_CASES, ids=lambda case: case.__name__)
async def test_start_stop_abuse(case, home):
    """Starts and stops in any order and at once leave nothing running."""
    servers = []

    def make() -> AsService:
        servers.append(EmbeddedNats(home))
        return AsService(servers[-1])

    await case(make)
    assert [server.running for server in servers] == [False]
