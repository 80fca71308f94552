"""The protocols of GraphQL over WebSockets: messages in, actions out. No sockets and no clock; the connection carries the actions out.

`graphql-transport-ws` is today's. A client first sends `connection_init` and gets `connection_ack`; then it subscribes under ids of its
own choice and gets `next`, `error` and `complete` for each. A breach of the protocol closes the connection with the code that the protocol
names for it. `graphql-ws` is the older one of Apollo's `subscriptions-transport-ws`, which Hasura's consoles and older clients speak: the
same with other words. Its keep-alive messages are not sent, which its clients read as "none expected".
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_ID_LENGTH = 128


@dataclass(frozen=True, slots=True)
class Dialect:
    """The words of one protocol.

    Attributes:
        subprotocol: Its name in the handshake.
        begin: What begins an operation.
        end: What ends one.
        result: What a result is called.
        one_error: Whether an error message carries one error and not a list.
        refuses: Whether a client that is refused is told by a message first.
    """

    subprotocol: str
    begin: str
    end: str
    result: str
    one_error: bool = False
    refuses: bool = False

    def failed(self, operation_id: str, errors: Sequence[Mapping[str, Any]]) -> str:
        """The message that an operation has failed."""
        payload: Any = (errors[0] if errors else {"message": "failed"}) if self.one_error else errors
        return json.dumps({"id": operation_id, "type": "error", "payload": payload})


DIALECTS = (
    Dialect("graphql-transport-ws", "subscribe", "complete", "next"),
    Dialect("graphql-ws", "start", "stop", "data", one_error=True, refuses=True),
)
"""Those we speak, the better one first."""


@dataclass(frozen=True, slots=True)
class Send:
    """Send a message."""

    message: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Close:
    """Close the connection."""

    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class Begin:
    """Find out who the client is, then acknowledge."""

    payload: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Begin an operation."""

    id: str
    payload: Any


@dataclass(frozen=True, slots=True)
class Complete:
    """End an operation; the client wants no more of it."""

    id: str


Action = Send | Close | Begin | Subscribe | Complete | None


class Protocol:
    """One connection's state.

    Args:
        dialect: The protocol that was agreed on.
    """

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._begun = False
        self._acknowledged = False

    def acknowledged(self) -> None:
        """The client is known; it may subscribe."""
        self._acknowledged = True

    def receive(self, text: str) -> Action:
        """What a message asks for; None when for nothing."""
        try:
            message = json.loads(text)
        except (ValueError, RecursionError):
            return Close(4400, "the message is not JSON")
        if not isinstance(message, dict):
            return Close(4400, "the message is not an object")
        kind = message.get("type")
        payload = message.get("payload")
        if kind == "pong":
            return None
        if kind == "ping":
            return Send({"type": "pong"} if payload is None else {"type": "pong", "payload": payload})
        if kind == "connection_terminate" and self._dialect.end == "stop":
            return Close(1000, "bye")
        if kind == "connection_init":
            if self._begun:
                return Close(4429, "Too many initialisation requests")
            if payload is not None and not isinstance(payload, dict):
                return Close(4400, "the payload of connection_init is not an object")
            self._begun = True
            return Begin(payload or {})
        return self._operation(kind, message.get("id"), payload)

    def _operation(self, kind: Any, operation_id: Any, payload: Any) -> Action:
        if kind not in (self._dialect.begin, self._dialect.end):
            return Close(4400, "the message has an unknown type")
        if not isinstance(operation_id, str) or not 0 < len(operation_id) <= _ID_LENGTH:
            return Close(4400, f"the id must be a text of 1 to {_ID_LENGTH} characters")
        if not self._acknowledged:
            return Close(4401, "Unauthorized")
        return Complete(operation_id) if kind == self._dialect.end else Subscribe(operation_id, payload)
