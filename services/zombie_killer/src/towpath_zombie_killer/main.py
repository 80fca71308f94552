"""Wiring of the zombie killer process: settings, connections, the loop, and their end in reverse. Nothing is decided here."""

from __future__ import annotations

import os

from towpath_service_kit.bus import Bus
from towpath_service_kit.client import ApiClient
from towpath_service_kit.logs import configure
from towpath_service_kit.service import Service, console_script, run, serve_until_stopped
from towpath_service_kit.upstream import HttpUpstream, Upstream
from towpath_zombie_killer.config import Config
from towpath_zombie_killer.loop import ZombieKiller


def build(config: Config, upstream: Upstream, bus: Bus | None = None) -> Service:
    """The zombie killer as a service.

    Args:
        config: Its settings.
        upstream: The gateway; closed by whoever made it.
        bus: Where events come from; closed by whoever made it. Without one it lives by the sweep.
    """
    return ZombieKiller(ApiClient(upstream, config.service_token), sweep=config.sweep, batch=config.batch, bus=bus)


async def _process(config: Config) -> None:
    upstream = HttpUpstream(config.api_url)
    try:
        await serve_until_stopped(build(config, upstream), host=config.host, port=config.port)
    finally:
        await upstream.close()


@console_script
def main() -> None:
    """The `towpath-zombie-killer` command."""
    config = Config.from_env(os.environ)
    configure("zombie_killer", style=config.log_format, level=config.log_level)
    run(_process(config))


if __name__ == "__main__":
    main()
