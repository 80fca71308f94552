"""The bundled message bus, as the chart starts it: three real servers become one cluster with one leader, and its probes find them well."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import wait_until
from tests.helm.chart import one, render
from towpath_server.embedded import binaries

PATIENCE = 240.0


class Server:
    """One of the StatefulSet's containers as a process, with the chart's arguments; where it is differs, for all are on one machine."""

    def __init__(self, number: int, arguments: list[str], ports: list[dict[str, int]], folder: Path) -> None:
        self.http = ports[number]["monitor"]
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
        with (folder / f"{self.name}.log").open("wb") as log:
            where = ["--addr=127.0.0.1", f"--port={ports[number]['nats']}", f"--http_port={self.http}"]
            self.process = subprocess.Popen([binaries.nats_server(), *given, *where], stdout=log, stderr=log)

    def ask(self, path: str) -> Any:
        """What its monitoring page says; None while it says nothing, or no."""
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{self.http}/{path}", timeout=30) as answer:
            return json.loads(answer.read())

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


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


def test_three_servers_with_the_chart_s_arguments_are_one_jetstream(home: Path, tmp_path: Path, ports: list[dict[str, int]]) -> None:
    container = one(render("", home), "StatefulSet", "t-towpath-nats")["spec"]["template"]["spec"]["containers"][0]
    probes = {kind: container[f"{kind}Probe"]["httpGet"]["path"].lstrip("/") for kind in ("liveness", "readiness")}
    servers = [Server(number, container["args"], ports, tmp_path) for number in range(3)]

    def meta(server: Server) -> tuple[int, str]:
        found = (server.ask("jsz") or {}).get("meta_cluster", {})
        return found.get("cluster_size", 0), found.get("leader", "")

    try:
        wait_until("each knows three and their leader", lambda: all(meta(one)[0] == 3 and meta(one)[1] for one in servers), PATIENCE)
        for server in servers:
            for path in probes.values():
                wait_until(
                    f"{server.name} is well: {path}", lambda server=server, path=path: server.ask(path) == {"status": "ok"}, PATIENCE
                )
    finally:
        for server in servers:
            server.end()
