"""A long answer on its way from the read back end to the client, piece by piece: what is held does not grow with the answer.

A client that takes nothing for a minute is dropped. When the back end breaks off, so does the answer: the status and the beginning are with
the client already, and an end that does not come tells it that the data are not whole.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from towpath_gateway.backends import OpenAnswer
from towpath_proto.errors import TowpathError
from towpath_service_kit.logs import get_log

_log = get_log(__name__)
SEND = 60.0
"""Seconds within which a client has to take a piece."""


class Passing(Response):
    """The response for an open answer.

    Args:
        answer: The answer; closed at the end, however it comes.
        packed: Whether to compress it.
    """

    def __init__(self, answer: OpenAnswer, *, packed: bool) -> None:
        self._answer = answer
        self._packed = packed
        headers = {"cache-control": "no-store", "x-content-type-options": "nosniff", "vary": "accept-encoding"}
        super().__init__(None, 200, headers, media_type="application/json")
        del self.headers["content-length"]
        if packed:
            self.headers["content-encoding"] = "gzip"
        elif answer.length is not None:
            self.headers["content-length"] = answer.length

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            async for chunk in _compressed(self._answer.chunks) if self._packed else self._answer.chunks:
                async with asyncio.timeout(SEND):
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except TowpathError as e:
            _log.warning("answer_broke_off", cause=e.message)
        except TimeoutError:
            _log.warning("answer_not_taken", seconds=SEND)
        finally:
            await self._answer.close()


async def _compressed(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    async for chunk in chunks:
        if packed := packer.compress(chunk):
            yield packed
    yield packer.flush()
