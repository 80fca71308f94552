"""The HTTP side: `POST /v1/graphql`, `POST /v1/metadata`, health and metrics.

Responsible for the forms a request may have (one or a list,
variables as object, JSON text or null) and for sending the database's bytes on untouched. GraphQL errors are status 200, as
in the dialect; the flat errors of `/v1/metadata` carry a real status.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import Any

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from towpath_proto.errors import TowpathError
from towpath_read_engine.callers import Callers
from towpath_read_engine.engine import MOST_ROWS, Request, Session, Turn
from towpath_read_engine.errors import DialectCode, ReadError, invalid
from towpath_read_engine.metadata_api import InconsistentMetadataError, MetadataApi
from towpath_read_engine.scalars import json_text
from towpath_service_kit.health import Ready, check, health_routes
from towpath_service_kit.logs import get_log
from towpath_service_kit.metrics import Metrics
from towpath_service_kit.straight import Straight, read_body

_log = get_log(__name__)
MAX_BATCH = 100
MAX_BODY_BYTES = 4 * 1024 * 1024
_SENT_AS_ONE = 65_536

Execute = Callable[[Request, Session], Awaitable[tuple[bytes, ...]]]


class JsonParts(Response):
    """A JSON answer in pieces, so that a large piece is sent as it is and never copied into a bigger one; small ones are sent as one."""

    def __init__(self, parts: list[bytes]) -> None:
        length = sum(map(len, parts))
        self._parts = parts if length > _SENT_AS_ONE else [b"".join(parts)]
        self.status_code = 200
        self.raw_headers = [(b"content-type", b"application/json; charset=utf-8"), (b"content-length", str(length).encode())]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the head and each piece."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        for part in self._parts[:-1]:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": self._parts[-1], "more_body": False})


def make_app(execute: Execute, metadata: MetadataApi, ready: Ready, metrics: Metrics, callers: Callers) -> ASGIApp:
    """The application of the service."""
    endpoint = _Endpoint(execute, metadata, ready, metrics, callers)
    app = Starlette(
        routes=[
            Route("/v1/metadata", endpoint.metadata, methods=["POST"]),
            Route("/healthz", endpoint.healthz),
            *health_routes(ready, metrics),
        ]
    )
    return Straight(app, ["/v1/graphql"], endpoint.graphql, service="read engine")


class _Endpoint:
    def __init__(self, execute: Execute, metadata: MetadataApi, ready: Ready, metrics: Metrics, callers: Callers) -> None:
        self._execute = execute
        self._metadata = metadata
        self._ready = ready
        self._callers = callers
        self._requests = metrics.counter("towpath_read_requests_total", "GraphQL requests by outcome.", ["code"])
        self._answered = self._requests.labels("ok")
        self._seconds = metrics.histogram("towpath_read_request_seconds", "Seconds from a request to its answer.")

    async def graphql(self, headers: Mapping[str, str], receive: Receive) -> Response:
        """Answer a request or a list of them."""
        try:
            session = self._callers.session(headers)
            payload = await _payload(headers, receive)
            if isinstance(payload, list):
                if not payload or len(payload) > MAX_BATCH:
                    raise invalid(f"a batch holds 1 to {MAX_BATCH} requests")
                answers = await asyncio.gather(*(self._answer(item, session) for item in payload))
                parts = [b"["]
                for answer in answers:
                    parts += [*answer, b","]
                return JsonParts([*parts[:-1], b"]"])
            return JsonParts(await self._answer(payload, session))
        except ReadError as error:
            self._requests.labels(error.code.value).inc()
            return JsonParts([_errors(error)])
        except ClientDisconnect:
            return Response(status_code=400)

    async def _answer(self, payload: Any, session: Session) -> list[bytes]:
        started = time.perf_counter()
        outcome = self._answered
        try:
            data, *place = await self._execute(_request(payload), session)
            return [b'{"data":', data, b',"extensions":{"stream":', *place, b"}}"] if place else [b'{"data":', data, b"}"]
        except ReadError as error:
            outcome = self._requests.labels(error.code.value)
            return [_errors(error)]
        except Exception as error:  # one item's fault must not take the others of its batch with it
            outcome = self._requests.labels(DialectCode.UNEXPECTED.value)
            _log.error("request_failed", error=error)
            return [_errors(ReadError(DialectCode.UNEXPECTED, "internal error"))]
        finally:
            outcome.inc()
            self._seconds.observe(time.perf_counter() - started)

    async def metadata(self, http: HttpRequest) -> Response:
        """Hasura's metadata API; its errors are flat and carry a real status."""
        try:
            self._callers.require_admin(http.headers)
            answer = await self._metadata.answer(await _payload(http.headers, http.receive))
            return Response(json_text(answer), media_type="application/json")
        except ReadError as error:
            status = 401 if error.code is DialectCode.ACCESS_DENIED else 400
            flat: dict[str, Any] = {"error": error.message, "path": error.path, "code": error.code.value}
            if isinstance(error, InconsistentMetadataError):
                flat["internal"] = [item.as_json() for item in error.objects]
            return Response(json_text(flat), status_code=status, media_type="application/json")
        except ClientDisconnect:
            return Response(status_code=400)

    async def healthz(self, http: HttpRequest) -> Response:
        """The image's health check: a schema that is served in part is a warning, a database that is away an error."""
        checks = await check(self._ready)
        if "database" in checks or "ready" in checks:
            return Response(f"ERROR: {next(iter(checks.values()))}", status_code=500, media_type="text/plain")
        if checks:
            strict = http.query_params.get("strict") in ("true", "")
            word = "ERROR" if strict else "WARN"
            return Response(f"{word}: inconsistent objects in schema", status_code=500 if strict else 200, media_type="text/plain")
        return Response("OK", media_type="text/plain")


async def _payload(headers: Mapping[str, str], receive: Receive) -> Any:
    try:
        return _json(await read_body(headers, receive, MAX_BODY_BYTES))
    except TowpathError:
        raise invalid(f"the request is longer than {MAX_BODY_BYTES} bytes") from None


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_decode = json.JSONDecoder(parse_float=Decimal, parse_constant=_no_constant).decode


def _json(text: bytes | str) -> Any:
    """JSON with fractions kept to the digit."""
    try:
        return _decode(text if isinstance(text, str) else text.decode(json.detect_encoding(text), "surrogatepass"))
    except (ValueError, ArithmeticError, RecursionError) as error:  # a fraction may be beyond any decimal
        raise ReadError(DialectCode.INVALID_JSON, f"the request is not JSON: {error}") from None


def _request(payload: Any) -> Request:
    if not isinstance(payload, dict):
        raise ReadError(DialectCode.PARSE_FAILED, "a request is an object with 'query' and, if needed, 'variables' and 'operationName'")
    query, name, variables = payload.get("query"), payload.get("operationName"), payload.get("variables")
    if not isinstance(query, str):
        raise ReadError(DialectCode.PARSE_FAILED, "'query' must be a text", "$.query")
    if name is not None and not isinstance(name, str):
        raise ReadError(DialectCode.PARSE_FAILED, "'operationName' must be a text or null", "$.operationName")
    if isinstance(variables, str):
        variables = _json(variables) if variables.strip() else None
    if variables is not None and not isinstance(variables, dict):
        raise ReadError(DialectCode.PARSE_FAILED, "'variables' must be an object, JSON text of one, or null", "$.variables")
    extensions = payload.get("extensions")
    if not extensions:
        return Request(query, variables or {}, name)
    if not isinstance(extensions, dict):
        raise ReadError(DialectCode.PARSE_FAILED, "'extensions' must be an object or null", "$.extensions")
    live = extensions.get("live")
    if not (live is None or isinstance(live, bool)):
        raise ReadError(DialectCode.PARSE_FAILED, "'live' must be true, false or null", "$.extensions.live")
    return Request(query, variables or {}, name, _turn(extensions), bool(live))


def _turn(extensions: Mapping[str, Any]) -> Turn | None:
    """The turn of a stream that a request's extensions ask for: `{"stream": {"after": [...] or null, "rows": 100}}`."""
    asked = extensions.get("stream")
    if asked is None:
        return None
    after, rows = (asked.get("after"), asked.get("rows", MOST_ROWS)) if isinstance(asked, dict) else (0, 0)
    if not (after is None or isinstance(after, list)) or not isinstance(rows, int) or isinstance(rows, bool) or not 0 < rows <= MOST_ROWS:
        sentence = "a stream's turn is an object with 'after', null or what the last turn has given, and 'rows', a positive number"
        raise ReadError(DialectCode.PARSE_FAILED, sentence, "$.extensions.stream")
    return Turn(after, rows)


def _errors(error: ReadError) -> bytes:
    return json.dumps({"errors": [error.as_json()]}).encode()
