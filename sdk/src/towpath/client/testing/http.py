"""The fake API's server: GraphQL over HTTP, graphql-transport-ws over WebSocket. It knows no field; `FakeApi.answer` does."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import struct
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from towpath.client.testing import FakeApi

Answer = dict[str, Any]

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Server(ThreadingHTTPServer):
    """A threading server that can be started again on its port at once."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128


class Socket:
    """The server's end of a WebSocket that speaks graphql-transport-ws."""

    def __init__(self, handler: BaseHTTPRequestHandler) -> None:
        self._handler = handler
        self._guard = threading.Lock()
        self.subscriptions: list[str] = []

    def send(self, message: Answer, opcode: int = 1) -> None:
        """Send a message."""
        data = json.dumps(message).encode()
        size = bytes([len(data)]) if len(data) < 126 else b"\x7e" + struct.pack("!H", len(data))
        try:
            with self._guard:
                self._handler.wfile.write(bytes([0x80 | opcode]) + size + data)
                self._handler.wfile.flush()
        except (OSError, ValueError):
            pass

    def event(self, data: Answer) -> None:
        """Send an event to each of its subscriptions."""
        for name in list(self.subscriptions):
            self.send({"id": name, "type": "next", "payload": {"data": data}})

    def messages(self) -> Iterator[Answer]:
        """Messages of the client, until it closes."""
        stream = self._handler.rfile
        while True:
            head = stream.read(2)
            if len(head) < 2:
                return
            size = head[1] & 0x7F
            if size == 126:
                size = struct.unpack("!H", stream.read(2))[0]
            mask, data = stream.read(4), stream.read(size)
            data = bytes(b ^ mask[i % 4] for i, b in enumerate(data))
            opcode = head[0] & 0x0F
            if opcode == 8:
                return
            if opcode == 9:
                with self._guard:
                    self._handler.wfile.write(bytes([0x8A, len(data)]) + data)
            elif opcode == 1:
                yield json.loads(data)


class Handler(BaseHTTPRequestHandler):
    """One connection.

    Attributes:
        api: Who answers.
    """

    api: FakeApi
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        """Note the connection."""
        super().setup()
        self.api._connections.add(self.connection)

    def finish(self) -> None:
        """Forget the connection."""
        self.api._connections.discard(self.connection)
        try:
            super().finish()
        except OSError:  # the other side is gone
            pass

    def do_POST(self) -> None:
        """Answer a GraphQL request."""
        raw = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            raw = gzip.decompress(raw)
        with self.api.changed:
            self.api.headers.append({k.lower(): v for k, v in self.headers.items()})
            status = self.api.http_failures.pop(0) if self.api.http_failures else 200
        body = json.dumps(self.api.answer(json.loads(raw)) if status == 200 else {}).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        """Become a WebSocket."""
        accept = base64.b64encode(hashlib.sha1(self.headers["sec-websocket-key"].encode() + _GUID).digest())
        self.send_response_only(101)
        for name, value in (("upgrade", "websocket"), ("connection", "Upgrade"), ("sec-websocket-protocol", "graphql-transport-ws")):
            self.send_header(name, value)
        self.send_header("sec-websocket-accept", accept.decode())
        self.end_headers()
        self.close_connection = True
        sock = Socket(self)
        try:
            for message in sock.messages():
                if message["type"] == "connection_init":
                    sock.send({"type": "connection_ack"})
                elif message["type"] == "subscribe":
                    with self.api.changed:
                        sock.subscriptions.append(message["id"])
                        self.api.sockets.append(sock)
                        self.api.changed.notify_all()
        except OSError:  # closed under us
            pass
        finally:
            with self.api.changed:
                if sock in self.api.sockets:
                    self.api.sockets.remove(sock)

    def handle(self) -> None:
        """Serve requests until the connection ends."""
        try:
            super().handle()
        except OSError:  # the other side is gone
            pass

    def log_message(self, *_: Any) -> None:
        """Say nothing."""
