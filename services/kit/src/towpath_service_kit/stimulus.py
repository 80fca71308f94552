"""The id of what made us act: a request, an event, a timer.

It is set at the edge, travels in the header `x-towpath-stimulus`, and stands in each log line, so that everything one stimulus caused can
be found by one search. It is no trace context and authorises nothing.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from contextvars import ContextVar

from starlette.types import ASGIApp, Receive, Scope, Send

from towpath_proto.ids import uuid7

HEADER = "x-towpath-stimulus"
_current: ContextVar[str | None] = ContextVar("towpath_stimulus", default=None)
_ACCEPTED = re.compile(r"[A-Za-z0-9_.:-]{1,64}")


def current() -> str | None:
    """The id of the present stimulus; None outside of one."""
    return _current.get()


@contextlib.contextmanager
def stimulus(name: str | None = None) -> Iterator[str]:
    """Whatever happens within is caused by this stimulus; a new id by default."""
    chosen = name or uuid7().hex
    token = _current.set(chosen)
    try:
        yield chosen
    finally:
        _current.reset(token)


def accepted(given: str | None) -> str | None:
    """An id as it came, if it is a plain one; what a stranger sends ends up in our logs."""
    return given if given and _ACCEPTED.fullmatch(given) else None


class StimulusMiddleware:
    """Takes the id from a request's header, or makes one.

    Args:
        app: The ASGI application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request or a WebSocket within its stimulus."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        wanted = HEADER.encode()
        given = next((value.decode("latin-1") for name, value in scope["headers"] if name == wanted), None)
        # What a stranger sends ends up in our logs, so only plain ids are taken.
        with stimulus(given if given is not None and _ACCEPTED.fullmatch(given) else None):
            await self._app(scope, receive, send)
