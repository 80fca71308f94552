"""The health page of an agent: `GET /health` (also `/health/live`, `/api/health`) says as JSON how it is."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from towpath_proto.errors import Code, TowpathError

_PATHS = {"/health", "/health/live", "/health/ready", "/api/health"}


class HealthPage:
    """Serves the page until it is closed.

    Args:
        address: `host:port`; port 0 takes a free one.
        health: Tells what to show.

    Raises:
        TowpathError: `PORT_TAKEN` or `BAD_SETTING`.
    """

    def __init__(self, address: str, health: Callable[[], dict[str, Any]]) -> None:
        host, _, port = address.rpartition(":")
        if not host or not port.isdigit():
            raise TowpathError(Code.BAD_SETTING, f"--agent-address is {address!r}; write it like 127.0.0.1:8080.")

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                known = self.path.split("?")[0] in _PATHS
                state = health() if known else {"error": "not found; see /health"}
                live_only = self.path.startswith(("/health/live", "/api/health"))
                self.send_response(404 if not known else 200 if live_only or state["status"] == "ok" else 503)
                body = json.dumps(state, default=str).encode()
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Say nothing: a probe every few seconds is no news."""

        try:
            self._server = ThreadingHTTPServer((host.strip("[]"), int(port)), Handler)
        except OSError as e:
            raise TowpathError(Code.PORT_TAKEN, f"The health page cannot be served at {address}: {e.strerror}. Choose another port.") from e
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, name="towpath-agent-page", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=2)
