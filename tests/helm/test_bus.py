"""The bundled message bus, as the chart starts it: three real servers become one cluster, its probes find them well, and it outlives each.

What services need of it is core NATS: messages that pass between the servers that are there. JetStream elects its leader beside that, which
takes the servers seconds by their own timers, and here as long as the machine makes it.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import re
import socket
import subprocess
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import wait_until
from tests.helm.chart import one, render
from towpath_server.embedded import binaries
from towpath_service_kit.bus import BusMessage, NatsBus
from towpath_service_kit.metrics import Metrics

PATIENCE = 240.0
OK = {"status": "ok"}


class Server:
    """One of the StatefulSet's containers as a process, with the chart's arguments; where it is differs, for all are on one machine."""

    def __init__(self, number: int, arguments: list[str], ports: list[dict[str, int]], folder: Path) -> None:
        self.http, self.port = ports[number]["monitor"], ports[number]["nats"]
        self.name = f"t-towpath-nats-{number}"
        given = [
            each.replace("$(POD_NAME)", self.name)
            .replace("/data", str(folder / self.name))
            .replace("0.0.0.0:6222", _at(ports[number]["cluster"]))
            for each in arguments
            if not each.startswith("--http_port")
        ]
        given = [
            re.sub(r"t-towpath-nats-(\d)\.t-towpath-nats-peers:6222", lambda m: _at(ports[int(m[1])]["cluster"]), each) for each in given
        ]
        assert len([each for each in given if _at(ports[number]["cluster"]) in each]) == 2, given
        where = ["--addr=127.0.0.1", f"--port={self.port}", f"--http_port={self.http}"]
        self._command = [str(binaries.nats_server()), *given, *where]
        self._log = folder / f"{self.name}.log"
        self.start()

    def start(self) -> None:
        """Start it, on what it had written before."""
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(self._command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def ask(self, path: str) -> Any:
        """What its monitoring page says; None while it says nothing, or no."""
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{self.http}/{path}", timeout=30) as answer:
            return json.loads(answer.read())

    def meta(self) -> tuple[int, str]:
        """How many servers it takes for JetStream's, and their leader."""
        found = (self.ask("jsz") or {}).get("meta_cluster", {})
        return found.get("cluster_size", 0), found.get("leader", "")

    def clients(self) -> list[str]:
        """The names of its clients."""
        return [each["name"] for each in self.ask("connz")["connections"]]

    def end(self) -> None:
        self.process.kill()
        self.process.wait()

    def log(self) -> str:
        return f"--- the end of {self.name}'s log\n{self._log.read_text(errors='replace')[-3000:]}"


class Service:
    """The chart's Service: a new connection goes to the next server that is ready, and lives as long as that server."""

    def __init__(self, servers: list[Server], readiness: str) -> None:
        self._servers, self._readiness = itertools.cycle(servers), readiness
        self._tasks: set[asyncio.Task[Any] | None] = set()

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        """Its address."""
        listener = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        try:
            yield f"nats://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        finally:
            listener.close()
            await asyncio.gather(*filter(None, self._tasks), return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.add(asyncio.current_task())
        for _ in range(3):
            server = next(self._servers)
            if await asyncio.to_thread(server.ask, self._readiness) == OK:
                there = await asyncio.open_connection("127.0.0.1", server.port)
                await asyncio.gather(_pass_on(reader, there[1]), _pass_on(there[0], writer), return_exceptions=True)
                return
        writer.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()


def _at(port: int) -> str:
    return f"127.0.0.1:{port}"


@pytest.fixture
def ports() -> Iterator[list[dict[str, int]]]:
    """Ports of three servers. They are bound here, so that nobody else gets them; Go's listeners may share what nobody listens on."""
    with contextlib.ExitStack() as stack:

        def taken() -> int:
            held = stack.enter_context(socket.socket())
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            held.bind(("127.0.0.1", 0))
            return int(held.getsockname()[1])

        yield [{name: taken() for name in ("nats", "cluster", "monitor")} for _ in range(3)]


@pytest.fixture
def servers(home: Path, tmp_path: Path, ports: list[dict[str, int]]) -> Iterator[list[Server]]:
    """Three servers with the chart's arguments that have become one JetStream."""
    container = one(render("", home), "StatefulSet", "t-towpath-nats")["spec"]["template"]["spec"]["containers"][0]
    made = [Server(number, container["args"], ports, tmp_path) for number in range(3)]
    try:
        until("each knows three and their leader", made, lambda: all(each.meta()[0] == 3 and each.meta()[1] for each in made))
        yield made
    finally:
        for server in made:
            server.end()


@pytest.fixture
def probes(home: Path) -> dict[str, str]:
    """The paths that the kubelet asks for."""
    container = one(render("", home), "StatefulSet", "t-towpath-nats")["spec"]["template"]["spec"]["containers"][0]
    return {kind: container[f"{kind}Probe"]["httpGet"]["path"].lstrip("/") for kind in ("liveness", "readiness")}


def until(what: str, servers: list[Server], probe: Callable[[], Any]) -> None:
    """Wait; what fails shows the servers' logs, too."""
    try:
        wait_until(what, probe, PATIENCE)
    except AssertionError as e:
        raise AssertionError("\n".join([str(e), *(server.log() for server in servers)])) from e


def test_three_servers_with_the_chart_s_arguments_are_one_jetstream(servers: list[Server], probes: dict[str, str]) -> None:
    """They find each other and a leader, and both probes find each well."""
    for server in servers:
        for path in probes.values():
            until(f"{server.name} is well: {path}", servers, lambda server=server, path=path: server.ask(path) == OK)


def test_jetstream_outlives_its_leader(servers: list[Server], probes: dict[str, str]) -> None:
    """The two that are left elect another and stay ready; the one that comes back is one of three again."""
    lost = next(server for server in servers if server.name == servers[0].meta()[1])
    lost.end()
    rest = [server for server in servers if server is not lost]
    names = {server.name for server in rest}
    until("the two have a new leader", servers, lambda: len({each.meta()[1] for each in rest} & names) == 1)
    until("the two are ready", servers, lambda: all(each.ask(probes["readiness"]) == OK for each in rest))
    lost.start()
    until("it is ready again", servers, lambda: lost.ask(probes["readiness"]) == OK and lost.meta()[1] in names)


async def test_services_hear_each_other_although_a_server_dies(servers: list[Server], probes: dict[str, str]) -> None:
    """Those on the dead one are told of a gap, come back by the same address, and hear what the others say, and these them."""
    for server in servers:
        await asyncio.to_thread(until, f"{server.name} is ready", servers, lambda server=server: server.ask(probes["readiness"]) == OK)
    names = [f"service {number}" for number in range(6)]
    heard: dict[str, set[str]] = {name: set() for name in names}
    gaps = {name: asyncio.Event() for name in names}
    buses: dict[str, NatsBus] = {}

    async def all_hear_all(word: str) -> None:
        """Interest spreads from server to server, and a message before that is nobody's: say it until all have heard it of all."""
        wanted = {f"{word} {name}" for name in names}
        while not all(wanted <= each for each in heard.values()):
            for name, bus in buses.items():
                await bus.publish("towpath.v1.t.run.x.moved", f"{word} {name}".encode())
            await asyncio.sleep(0.05)

    async with (
        asyncio.timeout(PATIENCE),
        Service(servers, probes["readiness"]).listening() as address,
        contextlib.AsyncExitStack() as stack,
    ):
        for name in names:
            buses[name] = bus = NatsBus(address, name=name, metrics=Metrics(process=False))
            await bus.subscribe("towpath.v1.>", _into(heard[name]))
            bus.on_gap(gaps[name].set)
            await bus.start()
            stack.push_async_callback(bus.close)
            await bus.wait_connected()
        await all_hear_all("before")
        lost = max(servers, key=lambda server: len(server.clients()))
        cut_off = [gaps[name] for name in lost.clients() if name in gaps]
        assert 0 < len(cut_off) < len(names), "somebody is on it, and somebody is not"
        for gap in gaps.values():
            gap.clear()
        lost.end()
        await asyncio.gather(*(gap.wait() for gap in cut_off))
        await all_hear_all("after")


def _into(heard: set[str]) -> Callable[[BusMessage], Any]:
    async def hear(message: BusMessage) -> None:
        heard.add(message.payload.decode())

    return hear
