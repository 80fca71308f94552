"""All services in one process: PostgreSQL and NATS beside it, the services as tasks, the hops between them in-process ASGI calls.

Order of the start: PostgreSQL and NATS together, graphql (which brings the schema up to date), the read engine, the gateway, the loops.
The end is the reverse. A server of the two that dies is restarted; the services notice by themselves.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Mapping
from functools import partial

import towpath_gateway.config
import towpath_gateway.main as gateway
import towpath_graphql.main as graphql
import towpath_lazarus.config
import towpath_lazarus.main as lazarus
import towpath_read_engine.main as read_engine
import towpath_scheduler.config
import towpath_scheduler.main as scheduler
import towpath_zombie_killer.config
import towpath_zombie_killer.main as zombie_killer
from towpath_proto.errors import Code, TowpathError
from towpath_server.access import need_a_key
from towpath_server.data_dir import DataDirectory
from towpath_server.embedded import EmbeddedNats, EmbeddedPostgres, supervise
from towpath_server.options import Addresses, Options, service_environment
from towpath_service_kit.bus import NatsBus
from towpath_service_kit.service import HttpServer, Service
from towpath_service_kit.upstream import AsgiUpstream

START_TIMEOUT = 60.0
"""Seconds within which every service must be ready."""


async def wait_ready(service: Service, timeout: float = START_TIMEOUT) -> None:
    """Return when a service is ready.

    Raises:
        TowpathError: `UNAVAILABLE` with its own reason when it is not in time.
    """
    reasons: dict[str, str] = {}
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(timeout):
            while reasons := dict(await service.ready()):  # noqa: ASYNC110 - the port has no event for it; a start is short
                await asyncio.sleep(0.01)
            return
    why = "; ".join(f"{k}: {v}" for k, v in reasons.items()) or "no answer"
    raise TowpathError(Code.UNAVAILABLE, f"The service {service.name} was not ready within {timeout:g} s ({why}).")


async def _ready_of(loops: list[Service], index: int) -> Mapping[str, str]:
    return await loops[index].ready() if index < len(loops) else {"start": "has not been started"}


@contextlib.asynccontextmanager
async def embedded(directory: DataDirectory) -> AsyncIterator[tuple[EmbeddedPostgres, EmbeddedNats]]:
    """PostgreSQL and NATS, started together, restarted when they die, stopped at the end."""
    postgres = EmbeddedPostgres(directory.postgres)
    nats = EmbeddedNats(directory.nats)
    watchers: list[asyncio.Task[None]] = []
    try:
        results = await asyncio.gather(postgres.start(), nats.start(), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        watchers = [asyncio.create_task(supervise(server), name=f"supervise {server.name}") for server in (postgres, nats)]
        yield postgres, nats
    finally:
        for watcher in watchers:
            watcher.cancel()
        await asyncio.gather(*watchers, return_exceptions=True)
        await asyncio.gather(nats.stop(), postgres.stop(), return_exceptions=True)


@contextlib.asynccontextmanager
async def running(options: Options, directory: DataDirectory, sock: socket.socket) -> AsyncIterator[HttpServer]:
    """The whole backend, healthy when the block is entered.

    Args:
        options: How to run.
        directory: An open data directory.
        sock: The listening socket of the one URL.
    """
    async with contextlib.AsyncExitStack() as stack:
        postgres, nats = await stack.enter_async_context(embedded(directory))
        env = service_environment(options, directory.secrets(), Addresses(postgres.dsn(), nats.url))
        bus = NatsBus(nats.url, name="towpath-server")
        await bus.start()
        stack.push_async_callback(bus.close)

        writer = graphql.build(graphql.Config.from_env(env), bus=bus)
        reader = read_engine.build(read_engine.Config.from_env(env))
        stack.push_async_callback(writer.stop)
        stack.push_async_callback(reader.stop)
        await writer.start()
        await wait_ready(writer)  # it makes the tables that the read engine looks for
        await reader.start()

        config = towpath_gateway.config.Config.from_env(env)
        if config.auth:
            await need_a_key(AsgiUpstream(writer.app, name="graphql"), secret=config.identity_secret.value, host=config.host)
        loops: list[Service] = []
        front = gateway.build(
            config,
            graphql=AsgiUpstream(writer.app, name="graphql"),
            read=AsgiUpstream(reader.app, name="read"),
            bus=bus,
            peers={name: partial(_ready_of, loops, i) for i, name in enumerate(("scheduler", "zombie_killer", "lazarus"))},
        )
        stack.push_async_callback(front.stop)
        await front.start()

        api = AsgiUpstream(front.app, name="localhost")
        loops += [
            scheduler.build(towpath_scheduler.config.Config.from_env(env), api, bus),
            zombie_killer.build(towpath_zombie_killer.config.Config.from_env(env), api, bus),
            lazarus.build(towpath_lazarus.config.Config.from_env(env), api, bus),
        ]
        for loop in loops:
            stack.push_async_callback(loop.stop)
            await loop.start()
        everybody: list[Service] = [reader, front, *loops]
        for service in everybody:
            await wait_ready(service)

        server = HttpServer(front.app, sock, ws=gateway.WEBSOCKETS, ws_bytes=front.max_message_bytes)
        serving = asyncio.create_task(server.run(), name="http")

        async def end() -> None:
            server.stop()
            await asyncio.gather(serving, return_exceptions=True)

        stack.push_async_callback(end)
        yield server
