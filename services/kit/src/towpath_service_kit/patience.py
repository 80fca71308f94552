"""How long a client may take to send its request: uvicorn waits for ever for the rest of one that has begun.

A connection whose request line and headers are not whole in time is closed without a word: half a request says nothing of whom to answer.
Bodies are the endpoints' to wait for (`straight.read_body`). Connections between two requests are uvicorn's (its keep-alive timeout).
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADERS = 20.0
"""Seconds from a connection, or from a request's first byte, until its headers are whole."""


class PatientProtocol(HttpToolsProtocol):
    """uvicorn's protocol with a limit to its patience."""

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has come."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """It has gone."""
        self._arrived()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        super().on_message_begin()
        self._wait()

    def on_headers_complete(self) -> None:
        """Its headers are whole."""
        self._arrived()
        super().on_headers_complete()

    def _wait(self) -> None:
        if self._late is None:
            self._late = self.loop.call_later(HEADERS, self.transport.close)

    def _arrived(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None
