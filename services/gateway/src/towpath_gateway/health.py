"""Whether this gateway can serve, and the state of the whole installation as seen from here.

*Ready* means that mutations can be answered: without the read back end the gateway still serves, and must not be taken out of a load
balancer for it. `/health` is about everything: 200 only when every service is ready.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import orjson

from towpath_proto.errors import TowpathError
from towpath_service_kit.bus import Bus
from towpath_service_kit.health import check
from towpath_service_kit.upstream import Upstream

Check = Callable[[], Awaitable[Mapping[str, str]]]
"""Gives the reason for each check that fails; empty when all is well."""
_TIMEOUT = 3.0


class Health:
    """Asks everybody how they are.

    Args:
        graphql: The graphql service.
        read: The read back end.
        bus: The event bus, if there is one.
        peers: Further services by name: loops that have an address, or that live in this process.
    """

    def __init__(self, *, graphql: Upstream, read: Upstream, bus: Bus | None, peers: Mapping[str, Check]) -> None:
        self._graphql = graphql
        self._bus = bus
        self._checks: dict[str, Check] = {
            "graphql": lambda: ask(graphql),
            "read": lambda: ask(read),
            "bus": self._hear,
            **peers,
        }

    async def ready(self) -> dict[str, str]:
        """Reasons why this gateway cannot serve; empty when it can."""
        reasons = await check(lambda: ask(self._graphql), timeout=_TIMEOUT)
        return {"graphql": "; ".join(reasons.values())} if reasons else {}

    async def all(self) -> dict[str, dict[str, object]]:
        """Each service's state: `{"status": "ready" | "unavailable", "checks": {check: reason}}`."""
        names = list(self._checks)
        results = await asyncio.gather(*(check(self._checks[name], timeout=_TIMEOUT) for name in names))
        return {
            name: {"status": "unavailable" if reasons else "ready", "checks": reasons} for name, reasons in zip(names, results, strict=True)
        }

    async def _hear(self) -> dict[str, str]:
        if self._bus is None:
            return {"nats": "no event bus is configured (TOWPATH_NATS_URL); subscriptions live by their sweeps"}
        return {} if self._bus.connected else {"nats": "not connected; everything happens by sweep, some seconds later"}


async def ask(upstream: Upstream) -> dict[str, str]:
    """Ask a service for its readiness; Hasura's image is asked in its own way."""
    try:
        answer = await upstream.get("/health/ready")
        if answer.status == 404:
            answer = await upstream.get("/healthz")
    except TowpathError as e:
        return {"answer": e.message}
    if answer.status == 200:
        return {}
    try:
        checks = orjson.loads(answer.body)["checks"]
        return {str(name): str(reason) for name, reason in checks.items()} or {"answer": f"HTTP {answer.status}"}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {"answer": f"HTTP {answer.status}"}
