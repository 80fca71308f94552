"""The gateway's HTTP side: bodies in, answers out. Every route is in `application`, so that one list shows who may come in."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping

from fastapi import FastAPI, Request, Response, WebSocket
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Receive

from towpath_gateway.answering import Answering, status_of
from towpath_gateway.asking import Ask, read_asks
from towpath_gateway.backends import Answer, Caller
from towpath_gateway.callers import Callers
from towpath_gateway.compression import accepts_gzip, pack, unpack
from towpath_gateway.config import Config
from towpath_gateway.health import Health
from towpath_gateway.pages import Pages
from towpath_gateway.passing import Passing
from towpath_gateway.rates import RatedError, Rates
from towpath_proto.errors import Code, TowpathError
from towpath_service_kit.health import health_routes
from towpath_service_kit.logs import get_log
from towpath_service_kit.metrics import Metrics
from towpath_service_kit.straight import Endpoint, Straight, read_body

_log = get_log(__name__)
GRAPHQL_PATHS = ("/", "/graphql", "/graphql/")
_IN_ADDRESS = frozenset({"query", "extensions", "documentId"})
PUBLIC_PATHS = frozenset({"/health", "/health/live", "/health/ready", "/metrics"})
"""Routes for probes: they need no identity, and any host name will do. The UI's pages need no identity either."""


class GraphQLOverHttp:
    """Answers POSTs.

    Args:
        answering: Answers requests.
        callers: Knows who asks.
        rates: Knows who has asked too often.
        config: The settings.
        metrics: Where it counts.
    """

    def __init__(self, answering: Answering, callers: Callers, rates: Rates, config: Config, metrics: Metrics) -> None:
        self._answering = answering
        self._rates = rates
        self._callers = callers
        self._config = config
        self._requests = metrics.counter("towpath_gateway_requests_total", "HTTP requests for GraphQL, by HTTP status.", ["status"])
        self._seconds = metrics.histogram("towpath_gateway_request_seconds", "Time to answer one.")

    async def post(self, headers: Mapping[str, str], receive: Receive) -> Response:
        """Answer a POST."""
        began = time.perf_counter()
        try:
            response = await self._respond(headers, receive)
        except TowpathError as e:
            answer = Answer.failed(e)
            response = _json(answer.body, status_of(e))
        except RatedError as e:
            response = _json(Answer.failed(e.error).body, e.status)
            response.headers.update(e.headers)
        except Exception as e:  # the last door: whatever it was, the client gets an answer with a code
            _log.error("request_failed", error=e)
            answer = Answer.failed(TowpathError(Code.INTERNAL, "The gateway failed; its log says why."))
            response = _json(answer.body, 500)
        self._requests.labels(str(response.status_code)).inc()
        self._seconds.observe(time.perf_counter() - began)
        return response

    async def _respond(self, headers: Mapping[str, str], receive: Receive) -> Response:
        caller = await self._callers.caller(headers)
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            # A form or plain text can be posted by any web page without asking; JSON cannot.
            error = TowpathError(Code.BAD_REQUEST, "Send the request as JSON, with the header `Content-Type: application/json`.")
            return _json(Answer.failed(error).body, 415)
        encoding = headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("identity", "gzip"):
            error = TowpathError(Code.BAD_REQUEST, "Send the body uncompressed, or compressed with gzip.")
            return _json(Answer.failed(error).body, 415)
        body = await read_body(headers, receive, self._config.max_body_bytes)
        if encoding == "gzip":
            body = await unpack(body, self._config.max_body_bytes)
        asks, batch = read_asks(body, batch=self._config.limits.batch)
        rated = await self._rates.take(caller, len(asks))
        if batch:
            answers = [await self._one(ask, caller) for ask in asks]  # in order: a batch may hold mutations
            response = await self._finish(headers, b"[" + b",".join(a.body for a in answers) + b"]", 200)
        else:
            response = await self._single(asks[0], caller, headers)
        response.headers.update(rated)
        return response

    async def _single(self, ask: Ask | TowpathError, caller: Caller, headers: Mapping[str, str]) -> Response:
        if isinstance(ask, TowpathError):
            raise ask
        answer = await self._answering.answer_open(ask, caller)
        if isinstance(answer, Answer):
            return await self._finish(headers, answer.body, answer.status)
        return Passing(answer, packed=bool(self._config.compress_bytes) and accepts_gzip(headers.get("accept-encoding", "")))

    async def _one(self, ask: Ask | TowpathError, caller: Caller) -> Answer:
        return Answer.failed(ask) if isinstance(ask, TowpathError) else await self._answering.answer(ask, caller)

    async def _finish(self, headers: Mapping[str, str], body: bytes, status: int) -> Response:
        response = _json(body, status)
        least = self._config.compress_bytes
        if least and len(body) >= least:
            response.headers["vary"] = "accept-encoding"
            if accepts_gzip(headers.get("accept-encoding", "")):
                response = _json(await pack(body), status)
                response.headers.update({"content-encoding": "gzip", "vary": "accept-encoding"})
        return response


def _json(body: bytes, status: int) -> Response:
    headers = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
    return Response(body, status, headers, media_type="application/json")


def _asks(request: Request) -> bool:
    """Whether a GET is a request in the wrong way, by a client that would take the UI's page for an answer."""
    return request.url.path in GRAPHQL_PATHS and not _IN_ADDRESS.isdisjoint(request.query_params)


def _by_post() -> Response:
    error = TowpathError(Code.BAD_REQUEST, "Send the request by POST, as JSON; in an address it would be written down by every proxy.")
    response = _json(Answer.failed(error).body, 405)
    response.headers["allow"] = "POST"
    return response


def application(
    *,
    post: Endpoint,
    connect: Callable[[WebSocket], Awaitable[None]],
    pages: Pages,
    health: Health,
    metrics: Metrics,
) -> ASGIApp:
    """All routes of the gateway."""
    app = FastAPI(title="Towpath gateway", docs_url=None, redoc_url=None, openapi_url=None)

    async def state(_: Request) -> Response:
        services = await health.all()
        well = all(s["status"] == "ready" for s in services.values())
        return JSONResponse({"status": "ready" if well else "unavailable", "services": services}, 200 if well else 503)

    async def page(request: Request) -> Response:
        return _by_post() if _asks(request) else await pages.page(request)

    for path in GRAPHQL_PATHS:
        app.add_api_websocket_route(path, connect)
    app.add_route("/health", state, methods=["GET"])
    app.router.routes.extend(health_routes(health.ready, metrics))
    app.add_route("/", page, methods=["GET"])
    app.add_route("/{path:path}", page, methods=["GET"])
    return Straight(app, GRAPHQL_PATHS, post)
