"""GraphQL subscriptions over a WebSocket (graphql-transport-ws), for threads.

Failure cases: a connection that drops, a server that restarts and a network that goes deaf (the library's pings find it) all lead to a
new connection after a growing pause, without end, until the caller stops. Events between two connections are lost: subscriptions are
hints, so `on_connect` is called after each (re)connection and the caller looks at the truth then. Only an error that the server gives for
the subscription itself is raised.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from towpath.client.settings import Settings
from towpath.client.transport import backoff
from towpath_proto import wire
from towpath_proto.errors import Code, TowpathError

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

_PROTOCOL = "graphql-transport-ws"
_LOOK_UP = 0.25
"""Seconds after which a waiting subscription looks whether it was told to stop."""
_OPEN_TIMEOUT = 5.0
_FATAL = {Code.UNAUTHENTICATED, Code.FORBIDDEN, Code.PARSE_FAILED, Code.VALIDATION_FAILED, Code.BAD_REQUEST, Code.NOT_FOUND}


def subscribe(
    settings: Settings,
    query: str,
    variables: Mapping[str, Any] | Callable[[], Mapping[str, Any]] | None = None,
    *,
    stop: threading.Event | None = None,
    on_connect: Callable[[], None] | None = None,
    on_disconnect: Callable[[Exception], None] | None = None,
) -> Iterator[dict[str, Any]]:
    """Yield the `data` of each event until `stop` is set or the server completes the subscription.

    Args:
        settings: Address and token.
        query: A subscription document.
        variables: Its variables; a function is asked at each connection, so that a stream can go on where it was.
        stop: Ends the generator within a quarter of a second when set.
        on_connect: Called after each connection, the first included.
        on_disconnect: Called with the reason when a connection cannot be made or is lost.

    Raises:
        TowpathError: The server refused the subscription.
    """
    stop = stop or threading.Event()
    attempt = 0
    while not stop.is_set():
        try:
            with _connect(settings) as socket:
                _begin(socket, query, variables() if callable(variables) else variables)
                attempt = 0
                if on_connect:
                    on_connect()
                yield from _events(socket, stop)
                return
        except TowpathError as e:
            if e.code in _FATAL:
                raise
            reason: Exception = e
        except Exception as e:  # every way in which a socket can fail: OSError, websockets' own, a timeout, a proxy's answer
            reason = e
        if on_disconnect:
            on_disconnect(reason)
        stop.wait(backoff(attempt, first=0.2))
        attempt += 1


def _connect(settings: Settings) -> ClientConnection:
    from websockets.sync.client import connect
    from websockets.typing import Subprotocol

    address = "ws" + settings.api_url.removeprefix("http") + "/graphql"
    headers = {"Authorization": f"Bearer {settings.token}"} if settings.token else None
    return connect(
        address,
        subprotocols=[Subprotocol(_PROTOCOL)],
        additional_headers=headers,
        open_timeout=_OPEN_TIMEOUT,
        close_timeout=1,
        compression=None,
        max_size=16 * 2**20,
        proxy=None,
    )


def _begin(socket: ClientConnection, query: str, variables: Mapping[str, Any] | None) -> None:
    socket.send(json.dumps({"type": "connection_init", "payload": {}}))
    while True:
        message = json.loads(socket.recv(timeout=_OPEN_TIMEOUT))
        if message.get("type") == "connection_ack":
            break
        _answer_ping(socket, message)
    payload = wire.encode(query, variables).decode()
    socket.send(f'{{"id":"1","type":"subscribe","payload":{payload}}}')


def _answer_ping(socket: ClientConnection, message: Mapping[str, Any]) -> None:
    if message.get("type") == "ping":
        socket.send('{"type":"pong"}')


def _events(socket: ClientConnection, stop: threading.Event) -> Iterator[dict[str, Any]]:
    while not stop.is_set():
        try:
            message = json.loads(socket.recv(timeout=_LOOK_UP))
        except TimeoutError:
            continue
        match message.get("type"):
            case "next":
                payload = message.get("payload") or {}
                if payload.get("errors"):
                    raise wire.error_from(payload["errors"][0])
                yield payload.get("data") or {}
            case "error":
                entries = message.get("payload") or [{}]
                raise wire.error_from(entries[0] if isinstance(entries, list) else entries)
            case "complete":
                return
            case _:
                _answer_ping(socket, message)
    with contextlib.suppress(Exception):  # good manners only; the connection closes next
        socket.send('{"id":"1","type":"complete"}')
