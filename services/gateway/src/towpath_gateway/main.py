"""The gateway's wiring: settings in, a service out."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping

from starlette.types import ASGIApp

from towpath_gateway.answering import Answering
from towpath_gateway.backends import Backends
from towpath_gateway.callers import Callers
from towpath_gateway.config import Config
from towpath_gateway.documents import Documents
from towpath_gateway.edge import Edge
from towpath_gateway.health import Check, Health, ask
from towpath_gateway.introspection import Introspection
from towpath_gateway.pages import STATIC, Pages
from towpath_gateway.persisted import Persisted, read_list
from towpath_gateway.rates import Rates
from towpath_gateway.routes import GRAPHQL_PATHS, PUBLIC_PATHS, GraphQLOverHttp, application
from towpath_gateway.splitting import BusinessFields
from towpath_gateway.subscriptions.connection import Connections
from towpath_gateway.subscriptions.hints import Hints
from towpath_gateway.subscriptions.operations import Operations
from towpath_gateway.subscriptions.prepared import own_sdl
from towpath_proto import sdl
from towpath_service_kit import logs
from towpath_service_kit.bus import Bus, NatsBus
from towpath_service_kit.clock import Clock, SystemClock
from towpath_service_kit.metrics import Metrics
from towpath_service_kit.service import console_script, serve
from towpath_service_kit.upstream import HttpUpstream, Upstream

WEBSOCKETS = "websockets-sansio"
"""uvicorn's WebSocket implementation that the gateway is served with."""


class Gateway:
    """The gateway, running or not.

    Args:
        app: Its application.
        metrics: Its metrics.
        health: Its health.
        hints: Its hearing of the bus.
        connections: Its WebSockets.
        backends: The services behind it.
        max_message_bytes: Length of a WebSocket message, to be kept to by the server that serves it.
        own_bus: The bus, if it is nobody else's.
        own_peers: Connections for health checks.
    """

    name = "gateway"

    def __init__(
        self,
        app: ASGIApp,
        *,
        metrics: Metrics,
        health: Health,
        hints: Hints,
        connections: Connections,
        backends: Backends,
        max_message_bytes: int,
        own_bus: Bus | None,
        own_peers: tuple[Upstream, ...],
    ) -> None:
        self.app = app
        self.metrics = metrics
        self.health = health
        self.max_message_bytes = max_message_bytes
        self._hints = hints
        self._connections = connections
        self._backends = backends
        self._own_bus = own_bus
        self._own_peers = own_peers
        self._changing = asyncio.Lock()

    async def start(self) -> None:
        """Begin to hear events."""
        async with self._changing:
            await self._hints.start()
            if self._own_bus is not None:
                await self._own_bus.start()

    async def stop(self) -> None:
        """Close WebSockets and connections."""
        async with self._changing:
            await self._connections.close()
            await self._hints.stop()
            if self._own_bus is not None:
                await self._own_bus.close()
            await self._backends.close()
            for peer in self._own_peers:
                await peer.close()

    async def ready(self) -> Mapping[str, str]:
        """Why it cannot serve; empty when it can."""
        return await self.health.ready()


def build(
    config: Config,
    *,
    graphql: Upstream | None = None,
    read: Upstream | None = None,
    bus: Bus | None = None,
    peers: Mapping[str, Check] | None = None,
    pages: Pages | None = None,
    clock: Clock | None = None,
) -> Gateway:
    """A gateway.

    Args:
        config: The settings.
        graphql: The graphql service; by default the one at `graphql_url`.
        read: The read back end; by default the one at `read_url`.
        bus: A bus that somebody else starts and closes; by default one of its own at `nats_url`.
        peers: Checks of further services in this process, by name, for `/health`.
        pages: The UI's files; by default those in the package, or none when the settings say so.
        clock: The clock; the system's by default.
    """
    clock = clock or SystemClock()
    metrics = Metrics()
    graphql = graphql or HttpUpstream(config.graphql_url, timeout=config.timeout)
    read = read or HttpUpstream(config.read_url, timeout=config.timeout)
    own_bus = None
    if bus is None and config.nats_url is not None:
        bus = own_bus = NatsBus(config.nats_url, name="towpath-gateway", metrics=metrics)
    loops = {name: HttpUpstream(url, timeout=config.timeout) for name, url in config.loop_urls.items()}
    checks: dict[str, Check] = {name: _check(upstream) for name, upstream in loops.items()}

    secret = config.identity_secret.value
    backends = Backends(graphql, read, identity_secret=secret, read_secret=config.read_secret.value, held=config.max_held_bytes)
    service_token = config.service_token.value if config.service_token is not None else None
    callers = Callers(backends, auth=config.auth, identity_secret=secret, service_token=service_token, clock=clock)
    persisted = Persisted(read_list(config.persisted) if config.persisted else None, only=config.persisted_only)
    business = sdl.load()
    documents = Documents(BusinessFields.of(f"{business}\n{own_sdl()}"), config.limits)
    introspection = Introspection(backends, sdl=business, own_sdl=own_sdl(), clock=clock, enabled=config.introspection)
    answering = Answering(documents, backends, persisted, introspection)
    rates = Rates(config.rate, config.burst, clock)
    hints = Hints(bus, clock, metrics)
    connections = Connections(
        callers,
        Operations(answering, hints, clock=clock, sweep=config.sweep, metrics=metrics, rates=rates),
        max_connections=config.max_connections,
        max_operations=config.max_subscriptions,
        max_message_bytes=config.max_body_bytes,
        metrics=metrics,
    )
    health = Health(graphql=graphql, read=read, bus=bus, peers={**checks, **(peers or {})})
    routes = application(
        post=GraphQLOverHttp(answering, callers, rates, config, metrics).post,
        connect=connections.connect,
        pages=pages or Pages(STATIC if config.ui or config.graphiql else None, ui=config.ui, graphiql=config.graphiql),
        health=health,
        metrics=metrics,
    )
    app = Edge(
        routes,
        guard=not config.auth,
        allowed=config.allowed_hosts | {config.host.lower()},
        public=PUBLIC_PATHS,
        named=PUBLIC_PATHS | frozenset(GRAPHQL_PATHS),
    )
    return Gateway(
        app,
        metrics=metrics,
        health=health,
        hints=hints,
        connections=connections,
        backends=backends,
        max_message_bytes=config.max_body_bytes,
        own_bus=own_bus,
        own_peers=tuple(loops.values()),
    )


def _check(upstream: Upstream) -> Check:
    return lambda: ask(upstream)


@console_script
def main() -> None:
    """Run the gateway as this process."""
    config = Config.from_env(os.environ)
    logs.configure("gateway", level=config.log_level, style=config.log_format)
    serve(build(config), config.host, config.port, ws=WEBSOCKETS, ws_bytes=config.max_body_bytes)
