"""UUIDv7: ids that sort by the time they were made (RFC 9562 §5.7).

Ids are made in the application, so any PostgreSQL from 14 on serves. Ids made by one process in one millisecond keep their order: the
12 `rand_a` bits after the version hold a counter that starts at a random low value (RFC 9562 §6.2, method 1).
"""

from __future__ import annotations

import os
import threading
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
"""Times are counted in whole numbers: a float of seconds loses the millisecond at its edges."""
_lock = threading.Lock()
_last_ms = 0
_counter = 0


def uuid7() -> UUID:
    """A new time-ordered id; ids of one process never go backwards."""
    global _last_ms, _counter
    random = int.from_bytes(os.urandom(9), "big")
    with _lock:
        now = time.time_ns() // 1_000_000
        if now > _last_ms:
            _last_ms, _counter = now, random >> 64 & 0xFF
        else:
            _counter += 1
            if _counter > 0xFFF:  # 4,096 ids in one millisecond: borrow the next one
                _last_ms, _counter = _last_ms + 1, random >> 64 & 0xFF
        ms, counter = _last_ms, _counter
    return UUID(int=ms << 80 | 0x7 << 76 | counter << 64 | 0b10 << 62 | random & 0x3FFF_FFFF_FFFF_FFFF)


def _forget_after_fork() -> None:
    # A forked child must not wait for a lock that another thread of its parent held.
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)


def uuid7_floor(moment: datetime) -> UUID:
    """The smallest UUIDv7 of `moment`'s millisecond: a partition bound or a time filter.

    Args:
        moment: An aware datetime.
    """
    if moment.tzinfo is None:
        raise ValueError("uuid7_floor needs an aware datetime")
    return UUID(int=(moment - _EPOCH) // _MILLISECOND << 80)


def uuid7_time(value: UUID) -> datetime:
    """The moment (UTC, milliseconds) at which a UUIDv7 was made."""
    return _EPOCH + (value.int >> 80) * _MILLISECOND
