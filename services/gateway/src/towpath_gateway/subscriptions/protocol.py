"""The protocol graphql-transport-ws: messages in, actions out. No sockets and no clock; the connection carries the actions out.

A client first sends `connection_init` and gets `connection_ack`; then it subscribes under ids of its own choice and gets `next`,
`error` and `complete` for each. A breach of the protocol closes the connection with the code that the protocol names for it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SUBPROTOCOL = "graphql-transport-ws"
_ID_LENGTH = 128


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
    """One connection's state."""

    def __init__(self) -> None:
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
        if kind == "connection_init":
            if self._begun:
                return Close(4429, "Too many initialisation requests")
            if payload is not None and not isinstance(payload, dict):
                return Close(4400, "the payload of connection_init is not an object")
            self._begun = True
            return Begin(payload or {})
        return self._operation(kind, message.get("id"), payload)

    def _operation(self, kind: Any, operation_id: Any, payload: Any) -> Action:
        if kind not in ("subscribe", "complete"):
            return Close(4400, "the message has an unknown type")
        if not isinstance(operation_id, str) or not 0 < len(operation_id) <= _ID_LENGTH:
            return Close(4400, f"the id must be a text of 1 to {_ID_LENGTH} characters")
        if not self._acknowledged:
            return Close(4401, "Unauthorized")
        return Complete(operation_id) if kind == "complete" else Subscribe(operation_id, payload)
