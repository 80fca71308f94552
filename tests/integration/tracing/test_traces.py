"""One trace through the whole backend, collected by a real receiver of OTLP over HTTP."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from towpath_server.testing import Backend

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


class Collector:
    """What has been sent to it: spans as (service, name, trace, span, parent)."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, str, str, str, str]] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                body = gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body
                request = ExportTraceServiceRequest.FromString(body)
                for resource in request.resource_spans:
                    service = next(a.value.string_value for a in resource.resource.attributes if a.key == "service.name")
                    for scope in resource.scope_spans:
                        for s in scope.spans:
                            collector.spans.append((service, s.name, s.trace_id.hex(), s.span_id.hex(), s.parent_span_id.hex()))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@contextmanager
def collecting() -> Iterator[Collector]:
    collector = Collector()
    thread = threading.Thread(target=collector.server.serve_forever, daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        collector.server.shutdown()
        collector.server.server_close()
        thread.join()


def _post(backend: Backend, query: str, variables: Any = None) -> Any:
    body = json.dumps({"query": query, "variables": variables}).encode()
    request = urllib.request.Request(f"{backend.url}/graphql", body, {"content-type": "application/json", "traceparent": PARENT})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


def _event_of_a_created_run(backend: Backend) -> dict[str, Any]:
    """Register a flow under our trace; the event of it, as a subscriber hears it."""
    flow = {"name": "canal", "tasks": [{"slug": "a-1", "name": "a", "max_retries": 0, "retry_delay": 0}], "edges": [], "parameters": []}
    with connect(f"ws://127.0.0.1:{backend.port}/graphql", subprotocols=[Subprotocol("graphql-transport-ws")], proxy=None) as socket:
        socket.send('{"type":"connection_init"}')
        socket.recv(timeout=60)
        query = "subscription { flow_run_events { type traceparent flow_run_id } }"
        socket.send(json.dumps({"id": "e", "type": "subscribe", "payload": {"query": query}}))
        # the doorbell's first hint comes when what was subscribed to before is in place
        socket.send(json.dumps({"id": "w", "type": "subscribe", "payload": {"query": "subscription { agent_work { reason } }"}}))
        assert json.loads(socket.recv(timeout=60))["id"] == "w"
        given = {"serialized_flow": flow, "code": base64.b64encode(b"code").decode(), "code_hash": hashlib.sha256(b"code").hexdigest()}
        given |= {"signature": base64.b64encode(bytes(64)).decode(), "key_id": "k"}
        made = _post(backend, "mutation($i: register_flow_input!) { register_flow(input: $i) { flow_id } }", {"i": given})
        given = {"flow_id": made["data"]["register_flow"]["flow_id"]}
        _post(backend, "mutation($i: create_flow_run_input!) { create_flow_run(input: $i) { id } }", {"i": given})
        while True:
            message = json.loads(socket.recv(timeout=60))
            if message["id"] == "e":
                return dict(message["payload"]["data"]["flow_run_events"])


@pytest.mark.parametrize("processes", [False, True], ids=["one process", "processes"])
def test_one_trace_goes_through_gateway_services_and_events(processes: bool) -> None:
    """The spans of a request are children of the caller's, service by service; the event of a change names its trace."""
    with collecting() as collector:
        with Backend(processes=processes, env={"TOWPATH_OTLP_ENDPOINT": collector.url}) as backend:
            event = _event_of_a_created_run(backend)
            assert "errors" not in _post(backend, "{ flow { id } api { backend } }")
        mine = [s for s in collector.spans if s[2] == TRACE]
        names = {name for _, name, *_ in mine}
        assert {"POST /graphql", "graphql", "read engine", "The graphql service", "The read back end"} <= names
        by_id = {span: (name, parent) for _, name, _, span, parent in mine}

        def way(span: str) -> list[str]:
            found = []
            while span in by_id:
                name, span = by_id[span]
                found.append(name)
            return [*found, span]

        (read,) = [span for _, name, _, span, _ in mine if name == "read engine"]
        assert way(read) == ["read engine", "The read back end", "POST /graphql", "00f067aa0ba902b7"]
        assert event["traceparent"].split("-")[1] == TRACE
        assert by_id[event["traceparent"].split("-")[2]][0] in ("graphql", "POST /graphql")
        services = {service for service, *_ in mine}
        assert len(services) == (3 if processes else 1), services


def test_without_a_collector_the_context_still_reaches_the_events() -> None:
    """No spans and no OpenTelemetry; who traces sees the events of what he did all the same."""
    with Backend() as backend:
        assert _event_of_a_created_run(backend)["traceparent"] == PARENT


def test_a_collector_that_is_away_costs_no_request() -> None:
    """Requests are answered, and the end takes no longer than the last spans may."""
    with Backend(env={"TOWPATH_OTLP_ENDPOINT": "http://127.0.0.1:9"}) as backend:
        assert "errors" not in _post(backend, "{ hello }")
