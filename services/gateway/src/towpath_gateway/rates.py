"""How many requests a second one key may make.

A bucket for each key, run or other actor holds a burst of tokens and is filled at the rate; a request takes one, each of a batch its own.
Off by default: limits of size bound what one request costs, and an installation whose users know each other needs no more.

Refusals are 429 with `Retry-After`, except for Prefect 1's clients: they sleep three minutes after a 429, so their requests wait here for
their token instead, shorter than their own timeout, and are 503 with `Retry-After` beyond that, which they repeat after that time. The
loops are never held up.
"""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict
from collections.abc import Mapping
from uuid import UUID

from towpath_gateway.backends import Caller
from towpath_proto.errors import Code, TowpathError
from towpath_service_kit.clock import Clock
from towpath_service_kit.identity import Role

LONGEST_WAIT = 10.0
"""Seconds that a Prefect 1 client's request waits at most; its client gives up after 15."""
_KEYS = 10_000
_PREFECT = "x-prefect-core-version"


class RatedError(Exception):
    """A request that came too early.

    Args:
        error: What the client is told.
        status: HTTP status.
        headers: Further headers of the answer.
    """

    def __init__(self, error: TowpathError, *, status: int, headers: Mapping[str, str]) -> None:
        super().__init__(error.message)
        self.error = error
        self.status = status
        self.headers = headers


class Rates:
    """All buckets.

    Args:
        rate: Requests a second; 0 for any number.
        burst: Requests at once.
        clock: Measures.
    """

    def __init__(self, rate: float, burst: int, clock: Clock) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._full_at: OrderedDict[tuple[UUID | None, Role, str], float] = OrderedDict()
        """When each bucket will be full again; those not in here are full."""

    async def take(self, caller: Caller, count: int = 1) -> Mapping[str, str]:
        """Take tokens, waiting for them where that is better than a refusal.

        Returns:
            Headers of the answer.

        Raises:
            RatedError: There are none.
        """
        identity = caller.identity
        if not self._rate or identity.role is Role.SERVICE:
            return {}
        key = (identity.tenant, identity.role, identity.actor)
        now = self._clock.monotonic()
        full_at = max(self._full_at.get(key, now), now) + count / self._rate
        early = full_at - now - self._burst / self._rate
        patient = _PREFECT in caller.headers
        if early > 1e-9 and (not patient or early > LONGEST_WAIT):
            raise self._refusal(now, self._full_at.get(key, now), early, patient)
        self._full_at[key] = full_at
        self._full_at.move_to_end(key)
        if len(self._full_at) > _KEYS:
            self._full_at.popitem(last=False)
        if early > 1e-9:
            await self._clock.wait(asyncio.Event(), early)
        return self._headers(now, full_at)

    def _headers(self, now: float, full_at: float) -> dict[str, str]:
        left = max(0, math.floor(self._burst - (full_at - now) * self._rate + 1e-9))
        return {
            "ratelimit-limit": str(self._burst),
            "ratelimit-remaining": str(left),
            "ratelimit-reset": str(math.ceil(full_at - now)),
        }

    def _refusal(self, now: float, full_at: float, early: float, patient: bool) -> RatedError:
        seconds = max(1, math.ceil(early))
        sentence = f"This key has made more than {self._rate:g} requests a second; try again in {seconds} s, or send several as one batch."
        error = TowpathError(Code.RATE_LIMITED, sentence, retry_after=seconds)
        headers = {**self._headers(now, full_at), "retry-after": str(seconds)}
        return RatedError(error, status=503 if patient else 429, headers=headers)
