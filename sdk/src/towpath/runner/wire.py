"""Messages between agent, runner, courier and child: one JSON object a line, over a socket or a pipe. No meaning here, only framing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

Message = dict[str, Any]

MAX_LINE = 32 * 2**20
"""A longer line is a mistake of the other side; the connection is closed."""


def pack(message: Mapping[str, Any]) -> bytes:
    """A message as a line."""
    return json.dumps(message, separators=(",", ":"), default=str).encode() + b"\n"


class Lines:
    """Turns received bytes into messages."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> Iterator[Message]:
        """Yield each whole message that `data` completes.

        Raises:
            ValueError: A line is no JSON object or too long.
        """
        self._rest += data
        while (end := self._rest.find(b"\n")) >= 0:
            line = bytes(self._rest[:end])
            del self._rest[: end + 1]
            message = json.loads(line)
            if not isinstance(message, dict):
                raise ValueError("a message must be a JSON object")
            yield message
        if len(self._rest) > MAX_LINE:
            raise ValueError("a message is too long")
