"""gzip both ways: answers for clients that can read it, bodies from clients that write it, never more of them than the limit."""

from __future__ import annotations

import asyncio
import gzip
import zlib

from towpath_proto.errors import Code, TowpathError
from towpath_service_kit.straight import too_large

_IN_THREAD = 131_072
"""Longer texts are handled in a thread, so that nobody else waits for them."""
_GZIP = 31  # zlib's name for the format of gzip


def accepts_gzip(header: str) -> bool:
    """Whether a client's `Accept-Encoding` takes gzip."""
    for item in header.lower().split(","):
        name, _, weight = item.partition(";")
        if name.strip() == "gzip":
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


async def pack(body: bytes) -> bytes:
    """An answer, compressed."""
    return await asyncio.to_thread(_pack, body) if len(body) > _IN_THREAD else _pack(body)


def _pack(body: bytes) -> bytes:
    return gzip.compress(body, compresslevel=1, mtime=0)


async def unpack(body: bytes, limit: int) -> bytes:
    """A request's body that was compressed.

    Args:
        body: What was sent.
        limit: Bytes at most; no more than that are ever unpacked.

    Raises:
        TowpathError: `BAD_REQUEST` when it is no gzip, `PAYLOAD_TOO_LARGE`.
    """
    return await asyncio.to_thread(_unpack, body, limit) if len(body) > _IN_THREAD // 8 else _unpack(body, limit)


def _unpack(body: bytes, limit: int) -> bytes:
    reader = zlib.decompressobj(_GZIP)
    try:
        text = reader.decompress(body, limit + 1)
    except zlib.error as e:
        raise _malformed(str(e)) from None
    if len(text) > limit:
        raise too_large(limit)
    if not reader.eof or reader.unused_data:
        raise _malformed("it is cut short" if not reader.eof else "something follows its end")
    return text


def _malformed(reason: str) -> TowpathError:
    return TowpathError(Code.BAD_REQUEST, f"The body is not one gzip stream ({reason}); send it uncompressed, or compress it anew.")
