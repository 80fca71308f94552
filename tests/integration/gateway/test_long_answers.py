"""Answers of many megabytes through a gateway that is a process of its own."""

from __future__ import annotations

import gzip
import json
import urllib.request
import zlib
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse, IncompleteRead
from typing import Any

import psutil
import psycopg
import pytest
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from towpath_proto.ids import uuid7
from towpath_server.testing import Backend

ROWS, WIDTH = 40_000, 1_500
QUERY = json.dumps({"query": "{ log(order_by: {id: asc}) { id message } }"}).encode()


@pytest.fixture(scope="module")
def backend() -> Iterator[Backend]:
    """One with sixty megabytes of log."""
    with Backend(processes=True) as running, psycopg.connect(running.dsn, autocommit=True) as connection:
        tenant = connection.execute("select id from tenant").fetchone()
        assert tenant is not None
        with connection.cursor().copy("copy log (id, tenant_id, timestamp, message) from stdin") as copy:
            for _ in range(ROWS):
                copy.write_row((uuid7(), tenant[0], "2026-01-01T00:00:00+00:00", "towpath" * (WIDTH // 7)))
        yield running


def _gateway(backend: Backend) -> psutil.Process:
    found = [p for p in psutil.Process(backend.pid).children(recursive=True) if any("towpath_gateway" in word for word in p.cmdline())]
    assert len(found) == 1
    return found[0]


def _peak(process: psutil.Process) -> int:
    """The most memory that it has ever held, in bytes."""
    with open(f"/proc/{process.pid}/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))


@pytest.mark.parametrize("packed", [False, True])
def test_long_answers_pass_through_in_constant_memory(backend: Backend, packed: bool) -> None:
    """Sixty megabytes, plain or compressed, and the gateway holds a few of them at a time."""
    gateway = _gateway(backend)
    headers = {"content-type": "application/json", **({"accept-encoding": "gzip"} if packed else {})}
    small = urllib.request.Request(f"{backend.url}/graphql", b'{"query": "{ log(limit: 1) { id } }"}', headers)
    urllib.request.urlopen(small, timeout=60).read()
    before = _peak(gateway)
    with urllib.request.urlopen(urllib.request.Request(f"{backend.url}/graphql", QUERY, headers), timeout=120) as answer:
        assert answer.headers.get("content-encoding") == ("gzip" if packed else None)
        body = answer.read()
    text = gzip.decompress(body) if packed else body
    rows = json.loads(text)["data"]["log"]
    assert len(rows) == ROWS == len({row["id"] for row in rows})
    assert len(text) > 55_000_000
    assert _peak(gateway) - before < 16_000_000


def test_a_slow_reader_holds_the_back_end_and_not_the_memory(backend: Backend) -> None:
    """While a client takes nothing, nothing piles up in the gateway, and others are answered; when it goes on, all of it comes."""
    gateway = _gateway(backend)
    before = _peak(gateway)
    connection = HTTPConnection("127.0.0.1", backend.port, timeout=120)
    connection.request("POST", "/graphql", QUERY, {"content-type": "application/json", "accept-encoding": "gzip;q=0"})
    answer = connection.getresponse()
    text = answer.read(100_000)
    for _ in range(20):
        assert backend.graphql("{ log(limit: 1) { id } api { backend } }")["log"]
    assert _peak(gateway) - before < 16_000_000
    text += answer.read()
    assert len(json.loads(text)["data"]["log"]) == ROWS
    connection.close()


def test_what_must_be_held_whole_is_refused_when_it_is_too_long(backend: Backend) -> None:
    """Sixty megabytes in a mixed query, in a batch or on a WebSocket are an error that says what to do; nobody holds them."""
    gateway = _gateway(backend)
    assert backend.graphql("{ log(limit: 1) { id } api { backend } }")["log"]
    before = _peak(gateway)
    query = "{ log(order_by: {id: asc}) { id message } }"
    for value in ({"query": f"{query[:-1]} api {{ backend }} }}"}, [{"query": query}]):
        connection = HTTPConnection("127.0.0.1", backend.port, timeout=120)
        connection.request("POST", "/graphql", json.dumps(value), {"content-type": "application/json"})
        answer = json.loads(connection.getresponse().read())
        connection.close()
        _refused(answer if isinstance(value, dict) else answer[0])
    with connect(f"ws://127.0.0.1:{backend.port}/graphql", subprotocols=[Subprotocol("graphql-transport-ws")], proxy=None) as socket:
        socket.send('{"type": "connection_init"}')
        assert json.loads(socket.recv(timeout=60)) == {"type": "connection_ack"}
        for kind in ("query", "subscription"):
            socket.send(json.dumps({"id": kind, "type": "subscribe", "payload": {"query": f"{kind} {query}"}}))
            message = json.loads(socket.recv(timeout=120))
            assert (message["id"], message["type"]) == (kind, "error")
            _refused({"errors": message["payload"]})
    assert _peak(gateway) - before < 90_000_000


def _refused(answer: Any) -> None:
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "LIMIT_EXCEEDED"
    assert "limit" in error["message"]


def test_an_answer_that_breaks_off_is_no_whole_answer(backend: Backend) -> None:
    """The read engine dies while it sends: the client sees an answer without an end, never a shorter one that looks whole."""
    (reader,) = [p for p in psutil.Process(backend.pid).children() if any("towpath_read_engine" in word for word in p.cmdline())]
    connection = HTTPConnection("127.0.0.1", backend.port, timeout=60)
    connection.request("POST", "/graphql", QUERY, {"content-type": "application/json", "accept-encoding": "gzip"})
    answer = connection.getresponse()
    start = answer.read(1_000)
    assert zlib.decompressobj(31).decompress(start).startswith(b'{"data":')
    reader.kill()
    with pytest.raises((IncompleteRead, ConnectionError)):
        _drain(answer)
    connection.close()


def _drain(answer: HTTPResponse) -> None:
    while answer.read(65_536):
        pass
