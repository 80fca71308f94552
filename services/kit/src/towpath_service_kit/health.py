"""The routes that every service has: `/health/live`, `/health/ready`, `/metrics`.

*Live* says that the process answers, and nothing else: a restart does not help against a database that is away. *Ready* says whether the
service can serve, with the reason for each check that fails.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from towpath_service_kit.logs import get_log
from towpath_service_kit.metrics import CONTENT_TYPE, Metrics

_log = get_log(__name__)
Ready = Callable[[], Awaitable[Mapping[str, str]]]
"""Gives the reason for each check that fails; empty when the service can serve."""


def health_routes(ready: Ready, metrics: Metrics | None = None, *, timeout: float = 5.0) -> list[Route]:
    """The routes, for a service that has an application of its own.

    Args:
        ready: The service's `ready`.
        metrics: What `/metrics` shows.
        timeout: Seconds after which an unanswered check counts as failed.
    """

    async def live(_: Request) -> Response:
        return JSONResponse({"status": "live"})

    async def is_ready(_: Request) -> Response:
        checks = await check(ready, timeout=timeout)
        return JSONResponse({"status": "unavailable" if checks else "ready", "checks": checks}, status_code=503 if checks else 200)

    async def show_metrics(_: Request) -> Response:
        return Response(metrics.render() if metrics else b"", media_type=CONTENT_TYPE)

    return [Route("/health/live", live), Route("/health/ready", is_ready), Route("/metrics", show_metrics)]


async def check(ready: Ready, *, timeout: float = 5.0) -> dict[str, str]:
    """Ask `ready`; an error or no answer in time is a failed check, too."""
    try:
        async with asyncio.timeout(timeout):
            return dict(await ready())
    except TimeoutError:
        return {"ready": f"no answer within {timeout:g} s"}
    except Exception as e:  # a broken check must not look like a broken probe
        _log.error("health_check_failed", error=e)
        return {"ready": f"the check failed: {type(e).__name__}"}


def health_app(ready: Ready, metrics: Metrics | None = None) -> Starlette:
    """An application with nothing but the health routes, for services that serve nobody else."""
    return Starlette(routes=health_routes(ready, metrics))
