"""Restart an embedded server that died.

Data is safe in PostgreSQL and messages are hints, so a restart is always right; one that fails is tried again, ever more slowly, because
its cause (a full disk, a taken port) may go away. Deciding whether the services are ready meanwhile is not done here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NoReturn

from towpath_proto.errors import TowpathError
from towpath_server.embedded.server import EmbeddedServer
from towpath_service_kit.logs import get_log

_log = get_log(__name__)


async def supervise(
    server: EmbeddedServer,
    *,
    on_restart: Callable[[EmbeddedServer, str], None] | None = None,
    first_delay: float = 0.1,
    longest_delay: float = 10.0,
) -> NoReturn:
    """Restart `server` whenever it fails, until cancelled.

    Args:
        server: A server that has been started.
        on_restart: Called after each restart with the server and the reason of its end.
        first_delay: Pause in seconds before the second try of one restart; doubles with each further one.
        longest_delay: Upper bound of that pause.
    """
    while True:
        reason = await server.wait_failed()
        _log.error("embedded_server_died", server=server.name, reason=reason)
        delay = first_delay
        while True:
            try:
                await server.restart()
            except TowpathError as e:
                _log.error("embedded_server_restart_failed", server=server.name, code=str(e.code), reason=e.message)
            else:
                break
            await asyncio.sleep(delay)
            delay = min(delay * 2, longest_delay)
        _log.warning("embedded_server_restarted", server=server.name, reason=reason)
        if on_restart is not None:
            on_restart(server, reason)
