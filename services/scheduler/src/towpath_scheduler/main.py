"""Wiring of the scheduler process: settings, connections, the loop, and their end in reverse. Nothing is decided here."""

from __future__ import annotations

import os

from towpath_scheduler.config import Config
from towpath_scheduler.loop import Scheduler
from towpath_service_kit.bus import Bus, NatsBus
from towpath_service_kit.client import ApiClient
from towpath_service_kit.logs import configure
from towpath_service_kit.service import Service, console_script, run, serve_until_stopped
from towpath_service_kit.upstream import HttpUpstream, Upstream


def build(config: Config, upstream: Upstream, bus: Bus | None = None) -> Service:
    """The scheduler as a service.

    Args:
        config: Its settings.
        upstream: The gateway; closed by whoever made it.
        bus: Where events come from; closed by whoever made it. Without one it lives by the sweep.
    """
    return Scheduler(ApiClient(upstream, config.service_token), sweep=config.sweep, ahead=config.ahead, bus=bus)


async def _process(config: Config) -> None:
    upstream = HttpUpstream(config.api_url)
    bus = NatsBus(config.nats_url, name="towpath-scheduler") if config.nats_url else None
    try:
        if bus is not None:
            await bus.start()
        await serve_until_stopped(build(config, upstream, bus), host=config.host, port=config.port)
    finally:
        if bus is not None:
            await bus.close()
        await upstream.close()


@console_script
def main() -> None:
    """The `towpath-scheduler` command."""
    config = Config.from_env(os.environ)
    configure("scheduler", style=config.log_format, level=config.log_level)
    run(_process(config))


if __name__ == "__main__":
    main()
