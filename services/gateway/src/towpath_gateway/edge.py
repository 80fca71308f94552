"""What happens to every HTTP request and WebSocket before a route sees it: a request id, and the guard against foreign web pages.

A gateway without keys takes whoever reaches it for its admin, so a web page that the same person has open must not reach it: by DNS
rebinding (its host name suddenly means 127.0.0.1) or by posting across sites. Requests without a credential therefore need a `Host` of
this machine and, if they have an `Origin`, one of this machine, too. A request with a credential is let through: no foreign page knows
one.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from towpath_gateway.backends import Answer
from towpath_gateway.config import is_loopback
from towpath_proto.errors import Code, TowpathError
from towpath_proto.ids import uuid7
from towpath_service_kit import stimulus, tracing
from towpath_service_kit.straight import headers_of

REQUEST_ID = "x-request-id"


def host_name(authority: str) -> str:
    """The host of `host:port` or `[v6]:port`, without the port, in lower case."""
    if "@" in authority:  # no browser sends this, and parsers differ on what it means
        return ""
    try:
        return (urlsplit(f"//{authority}").hostname or "").lower()
    except ValueError:
        return ""


def check_page(headers: Mapping[str, str], allowed: frozenset[str]) -> None:
    """Refuse a request that a foreign web page may have sent.

    Args:
        headers: The request's headers, by lower-case name.
        allowed: Host names that are this gateway's besides the loopback ones.

    Raises:
        TowpathError: `FORBIDDEN`.
    """
    host = headers.get("host", "")
    if not _ours(host_name(host), allowed):
        raise TowpathError(
            Code.FORBIDDEN,
            f"A gateway without keys answers under this machine's own names only, not as {host!r}; use 127.0.0.1, name the host in"
            " TOWPATH_ALLOWED_HOSTS, or turn keys on with TOWPATH_AUTH=on.",
        )
    origin = headers.get("origin")
    if origin is None:
        return
    parts = urlsplit(origin) if origin.isascii() else urlsplit("")
    if parts.scheme not in ("http", "https") or not _ours(host_name(parts.netloc), allowed):
        raise TowpathError(
            Code.FORBIDDEN,
            f"A gateway without keys takes no requests from pages of {origin!r}; name the host in TOWPATH_ALLOWED_HOSTS, or turn keys on.",
        )


def _ours(name: str, allowed: frozenset[str]) -> bool:
    return bool(name) and (is_loopback(name) or name in allowed)


class Edge:
    """The outermost layer.

    Args:
        app: The application.
        guard: Whether to guard against foreign pages (a gateway without keys).
        allowed: Host names that are this gateway's besides the loopback ones.
        public: Paths that any page may have asked for; probes call them by address.
        named: Paths that traces call by their name; the others are the UI's.
    """

    def __init__(
        self, app: ASGIApp, *, guard: bool, allowed: frozenset[str], public: frozenset[str], named: frozenset[str] = frozenset()
    ) -> None:
        self._named = named
        self._app = app
        self._guard = guard
        self._allowed = allowed
        self._public = public

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request or a WebSocket."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = headers_of(scope)
        request_id = stimulus.accepted(headers.get(REQUEST_ID)) or stimulus.accepted(headers.get(stimulus.HEADER)) or uuid7().hex
        scope["headers"] = [
            *((name, value) for name, value in scope["headers"] if name not in (b"x-request-id", b"x-towpath-stimulus")),
            (b"x-request-id", request_id.encode()),
            (b"x-towpath-stimulus", request_id.encode()),
        ]

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                span.set("http.response.status_code", message["status"])
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id.encode())]
            await send(message)

        # A socket is no span: it may be open for days. What is asked on it goes under the context of its handshake.
        given = headers.get(tracing.HEADER)
        if scope["type"] == "websocket":
            context = tracing.continued(given)
        else:
            path = scope["path"] if scope["path"] in self._named else "*"
            context = tracing.span(f"{scope['method']} {path}", kind="server", parent=given, towpath_request_id=request_id)
        with stimulus.stimulus(request_id), context as span:
            # a page that has rebound its name may set the header: an empty one is no credential, and would be taken for the admin
            if self._guard and not headers.get("authorization", "").strip() and scope["path"] not in self._public:
                try:
                    check_page(headers, self._allowed)
                except TowpathError as e:
                    await _refuse(e, scope, receive, send_with_id)
                    return
            await self._app(scope, receive, send_with_id)


async def _refuse(error: TowpathError, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 4403, "reason": "forbidden origin or host"})
        return
    answer = Answer.failed(error)
    await Response(answer.body, answer.status, media_type="application/json")(scope, receive, send)
