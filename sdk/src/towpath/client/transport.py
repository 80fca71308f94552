"""Send GraphQL requests over kept-alive HTTP, and send them again when that is safe.

Failure cases:
* The API cannot be connected to, closes the connection or answers 502, 503 or 504: the same bytes are sent again after a growing pause
  with jitter, for as long as `patience` allows. Every Towpath mutation may be replayed, so repeating one whose answer was lost is safe.
* Patience is used up: `UNREACHABLE` (no answer) or `UNAVAILABLE` (an answer that says so), with a sentence that names the address.
* Any other answer is final here, an error included; `towpath_proto.wire` turns it into an exception.

A transport belongs to one process: after a fork the child makes its own.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from typing import Any

import urllib3

from towpath.client.settings import Settings, is_loopback
from towpath_proto import __version__, wire
from towpath_proto.errors import Code, TowpathError

_TRY_AGAIN = (502, 503, 504)
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0


def backoff(attempt: int, *, first: float = _FIRST_PAUSE, longest: float = _LONGEST_PAUSE, chance: float | None = None) -> float:
    """Pause after try number `attempt`: doubles up to `longest`; up to half is taken off at random, so that clients do not march."""
    whole = min(longest, first * 2.0 ** min(attempt, 30))
    return whole * (0.5 + 0.5 * (random.random() if chance is None else chance))


class Transport:
    """A keep-alive connection pool to one API.

    Args:
        settings: Address, token, timeouts.
        sleep: Waits between tries.
        clock: Monotonic seconds.
    """

    def __init__(
        self, settings: Settings, *, sleep: Callable[[float], None] = time.sleep, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings
        self._sleep = sleep
        self._clock = clock
        self._headers = {"content-type": "application/json", "user-agent": f"towpath/{__version__}"}
        if not is_loopback(settings.api_url):
            self._headers["accept-encoding"] = "gzip"
        if settings.token:
            self._headers["authorization"] = f"Bearer {settings.token}"
        if settings.traceparent and settings.traceparent.isascii() and settings.traceparent.isprintable():
            self._headers["traceparent"] = settings.traceparent
        self._pool = urllib3.PoolManager(maxsize=4, retries=False)
        self._url = f"{settings.api_url}/graphql"

    def graphql(
        self,
        query: str,
        variables: Mapping[str, Any] | None = None,
        *,
        operation_name: str | None = None,
        timeout: float | None = None,
        patience: float | None = None,
    ) -> dict[str, Any]:
        """Send one document and return its `data`.

        Args:
            query: GraphQL document.
            variables: Its variables.
            operation_name: Which operation, if the document holds several.
            timeout: Seconds one try may take; the settings' when absent.
            patience: Seconds during which to try again; 0 means one try; the settings' when absent.

        Raises:
            TowpathError: What the API answered, `UNREACHABLE` or `UNAVAILABLE`.
        """
        body = wire.encode(query, variables, operation_name)
        timeout = self._settings.request_timeout if timeout is None else timeout
        give_up = self._clock() + (self._settings.patience if patience is None else patience)
        attempt = 0
        while True:
            try:
                status, answer = self._post(body, timeout)
            except urllib3.exceptions.HTTPError as e:
                failure = unreachable(self._settings.api_url, e)
            else:
                if status not in _TRY_AGAIN:
                    return wire.decode(status, answer)
                sentence = f"The Towpath API at {self._settings.api_url} is not available (HTTP {status}); try again."
                failure = TowpathError(Code.UNAVAILABLE, sentence, status=status)
            pause = backoff(attempt)
            if self._clock() + pause > give_up:
                raise failure
            self._sleep(pause)
            attempt += 1

    def _post(self, body: bytes, timeout: float) -> tuple[int, bytes]:
        limit = urllib3.Timeout(connect=min(timeout, 5.0), read=timeout)
        answer = self._pool.request("POST", self._url, body=body, headers=self._headers, timeout=limit, redirect=False)
        return answer.status, answer.data

    def close(self) -> None:
        """Close all connections."""
        self._pool.clear()


def unreachable(api_url: str, cause: BaseException) -> TowpathError:
    """The error for an API that gives no answer."""
    if isinstance(cause, urllib3.exceptions.NewConnectionError) and "refused" in str(cause).lower():
        why = "connection refused"
    elif isinstance(cause, urllib3.exceptions.TimeoutError):
        why = "no answer in time"
    elif isinstance(cause, urllib3.exceptions.NameResolutionError):
        why = "unknown host"
    else:
        why = f"{type(cause).__name__}: {cause}"
    return TowpathError(
        Code.UNREACHABLE,
        f"Cannot reach the Towpath API at {api_url} ({why}). Start a server with `towpath server start`, "
        "or set TOWPATH_API_URL to the address of one that runs.",
        api_url=api_url,
        why=why,
    )
