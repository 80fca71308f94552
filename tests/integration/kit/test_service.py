"""Services as real processes: signals, exit statuses, sentences; and the health routes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys

import httpx
import pytest

from towpath_proto.errors import Code, TowpathError
from towpath_service_kit.health import health_app
from towpath_service_kit.service import OwningService, bind
from towpath_service_kit.testing import START_STOP_CASES, capture_logs

PROGRAM = """
import asyncio, os, sys
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from towpath_proto.errors import Code, TowpathError
from towpath_service_kit import logs
from towpath_service_kit.health import health_app
from towpath_service_kit.service import console_script, serve
from towpath_service_kit.settings import Settings

class Sample:
    name = "sample"
    def __init__(self):
        self.app = health_app(self.ready)
        self.app.router.routes.append(Route("/slow", self.slow))
    async def slow(self, request):
        print("slow", flush=True)
        await asyncio.sleep(0.3)
        return PlainTextResponse("done")
    async def ready(self):
        return {}
    async def start(self):
        if "TOWPATH_FAIL" in os.environ:
            raise TowpathError(Code.INTERNAL, "The sample fails.")
        print("loop", type(asyncio.get_running_loop()).__module__, flush=True)
    async def stop(self):
        print("stopped", flush=True)

@console_script
def main():
    logs.configure("sample", style="json")
    port = Settings(os.environ).port("TOWPATH_PORT", 0)
    serve(Sample(), "127.0.0.1", port)

main()
"""


async def launch(**env: str):
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        PROGRAM,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": os.environ["PATH"], **env},
    )


async def started(process) -> int:
    """Its port, once it says so."""
    async with asyncio.timeout(20):
        while True:
            line = json.loads(await process.stderr.readline())
            if line["event"] == "service_started":
                return line["port"]


async def ended(process) -> tuple[int, str, str]:
    async with asyncio.timeout(20):
        out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_in_order(number):
    """On SIGTERM and SIGINT a running request is answered, the service stopped, and the exit status is 0."""
    process = await launch()
    port = await started(process)
    assert b"uvloop" in await process.stdout.readline()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
        assert (await http.get("/health/ready")).json() == {"status": "ready", "checks": {}}
        slow = asyncio.create_task(http.get("/slow"))
        assert await process.stdout.readline() == b"slow\n"
        process.send_signal(number)
        assert (await slow).text == "done"
    status, out, err = await ended(process)
    assert (status, out) == (0, "stopped\n")
    assert [json.loads(line)["event"] for line in err.splitlines()] == ["service_stopping", "service_stopped"]


async def test_a_taken_port_is_status_2_and_one_sentence():
    """A port that another program has ends the process with status 2 and a sentence, no traceback."""
    with bind("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        status, _, err = await ended(await launch(TOWPATH_PORT=str(port)))
    assert (status, err) == (2, f"Port {port} on 127.0.0.1 is taken by another program; stop it, or choose another port.\n")


async def test_a_wrong_setting_is_status_2_and_one_sentence():
    """A setting that cannot be read ends the process with status 2 and a sentence."""
    status, _, err = await ended(await launch(TOWPATH_PORT="many"))
    assert (status, err) == (2, "TOWPATH_PORT must be a whole number, not 'many'.\n")


async def test_a_failed_start_is_status_1_and_stops_the_service():
    """A start that fails for another reason is status 1, and the service is stopped."""
    status, out, err = await ended(await launch(TOWPATH_FAIL="1"))
    assert (status, out) == (1, "stopped\n")
    assert err.splitlines()[-1] == "The sample fails."
    assert "Traceback" not in err


def test_an_address_of_another_machine_is_a_wrong_setting():
    """Listening on an address that is not ours is BAD_SETTING."""
    for host in ("192.0.2.1", "no such host"):
        with pytest.raises(TowpathError) as caught:
            bind(host, 0)
        assert caught.value.code is Code.BAD_SETTING


def test_a_socket_is_given_back():
    """A port is free again once its socket is closed."""
    with bind("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
    with bind("127.0.0.1", port) as second:
        assert isinstance(second, socket.socket)


@pytest.mark.parametrize(
    ("answer", "status", "checks"),
    [
        ({}, 200, {}),
        ({"database": "away"}, 503, {"database": "away"}),
        (ValueError("so"), 503, {"ready": "the check failed: ValueError"}),
    ],
)
async def test_ready_shows_what_is_missing(answer, status, checks):
    """Readiness is 200 or 503 with the reasons; a broken check is a reason, too."""

    async def ready():
        if isinstance(answer, Exception):
            raise answer
        return answer

    with capture_logs():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(health_app(ready)), base_url="http://x") as http:
            shown = await http.get("/health/ready")
            assert (await http.get("/health/live")).status_code == 200
    assert (shown.status_code, shown.json()["checks"]) == (status, checks)


class Recorder:
    """A resource and a service that keep what was asked of them."""

    name = "recorder"

    def __init__(self, calls, label) -> None:
        self.calls, self.label, self.app = calls, label, health_app(self.ready)

    async def start(self) -> None:
        self.calls.append(f"start {self.label}")

    async def stop(self) -> None:
        self.calls.append(f"stop {self.label}")

    async def close(self) -> None:
        self.calls.append(f"close {self.label}")

    async def ready(self):
        return {}


async def test_owned_resources_open_before_and_close_after():
    """What a service owns is started before it and closed after it, the last first."""
    calls = []
    owning = OwningService(
        Recorder(calls, "service"), starts=[Recorder(calls, "bus"), Recorder(calls, "pool")], closes=[Recorder(calls, "http")]
    )
    await owning.start()
    await owning.stop()
    assert calls == ["start bus", "start pool", "start service", "stop service", "close http", "close pool", "close bus"]


@pytest.mark.parametrize("case", START_STOP_CASES, ids=lambda case: case.__name__)
async def test_start_stop_abuse(case):
    """A service with its resources passes the start/stop suite."""
    await case(lambda: OwningService(Recorder([], "service"), starts=[Recorder([], "bus")]))
