"""The GraphQL client of the loops: Towpath's API through an `Upstream`, with retries.

Every mutation of the API may be replayed (architecture §4), so a call that failed on the way is sent again. An answer that refuses is
raised at once: repeating the question would not change it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from towpath_proto import wire
from towpath_proto.errors import Code, TowpathError
from towpath_service_kit import stimulus, tracing
from towpath_service_kit.logs import get_log
from towpath_service_kit.settings import Secret
from towpath_service_kit.upstream import Upstream

_log = get_log(__name__)
_TRANSIENT = frozenset({Code.UNREACHABLE, Code.UNAVAILABLE, Code.TIMEOUT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """How often, and how far apart, a call is sent again.

    Attributes:
        tries: Calls in all.
        first: Seconds before the second; doubles with each further one, and varies by half at random.
        longest: Most seconds between two.
    """

    tries: int = 4
    first: float = 0.1
    longest: float = 2.0

    def delay(self, failed: int) -> float:
        """Seconds to wait after so many failed calls."""
        return min(self.longest, self.first * 2.0 ** (failed - 1)) * random.uniform(0.5, 1.0)


class ApiClient:
    """Sends GraphQL documents.

    Args:
        upstream: The API; closed by whoever made it.
        token: The credential, sent as a bearer token.
        path: Where GraphQL is.
        retry: How failures on the way are repeated.
        sleep: How it waits between two tries.
    """

    def __init__(
        self,
        upstream: Upstream,
        token: Secret | None,
        *,
        path: str = "/graphql",
        retry: Retry | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._upstream = upstream
        self._path = path
        self._retry = retry or Retry()
        self._sleep = sleep
        self._headers = {"authorization": f"Bearer {token.value}"} if token is not None else {}

    async def execute(self, query: str, variables: Mapping[str, Any] | None = None, *, operation_name: str | None = None) -> dict[str, Any]:
        """The `data` of the answer.

        Raises:
            TowpathError: The answer's first error; `UNREACHABLE`, `UNAVAILABLE` or `TIMEOUT` after the last try.
        """
        body = wire.encode(query, variables, operation_name)
        headers = dict(self._headers)
        if named := stimulus.current():
            headers[stimulus.HEADER] = named
        tracing.outgoing(headers)
        failed = 0
        while True:
            try:
                answer = await self._upstream.post(self._path, body, headers)
                return wire.decode(answer.status, answer.body)
            except TowpathError as e:
                failed += 1
                if e.code not in _TRANSIENT or failed >= self._retry.tries:
                    raise
                _log.debug("api_call_retried", code=str(e.code), reason=e.message, failed=failed)
            await self._sleep(self._retry.delay(failed))
