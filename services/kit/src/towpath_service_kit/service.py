"""What a service is, and how one runs as a process.

`Service` is the port between a service package and whatever runs it: `serve` here (one process per service) or the standalone server (all
in one). `serve` owns the socket, the signals and the exit status; it knows nothing of what is served.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import functools
import gc
import os
import signal
import socket
import sys
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from typing import Any, NoReturn, ParamSpec, Protocol

import uvicorn
from starlette.types import ASGIApp

from towpath_proto.errors import Code, TowpathError
from towpath_service_kit import tracing
from towpath_service_kit.logs import get_log
from towpath_service_kit.patience import PatientProtocol

_log = get_log(__name__)
_P = ParamSpec("_P")

EXIT_CONFIGURATION = 2
"""Exit status when something on this machine must be put right first: a setting, a port, a disk."""
_CONFIGURATION_CODES = frozenset(
    {Code.BAD_SETTING, Code.PORT_TAKEN, Code.DATA_DIR_IN_USE, Code.DATA_DIR_BROKEN, Code.DISK_FULL, Code.MISSING_EXTRA}
)
WS_BYTES = 5_000_000
"""Length of a WebSocket message, unless a service says otherwise."""
GRACE = 10
"""Seconds that running requests get to finish when the process is told to stop."""


class Service(Protocol):
    """A service, running or not.

    Obligations: `start` and `stop` may be called in any order, repeatedly and concurrently, and a stopped service may be started again.
    `start` returns soon and does not wait for peers: a database or a gateway that is away is a reason in `ready`, not a failure to start;
    it raises `TowpathError` for what a person must put right. `stop` ends every task that `start` began, whatever state they are in.
    `ready` answers within a second. `app` can be served before `start`.
    """

    @property
    def name(self) -> str:
        """What it is called in logs and health."""
        ...

    @property
    def app(self) -> ASGIApp:
        """Its HTTP side, with the routes of `health`."""
        ...

    async def start(self) -> None:
        """Begin to serve."""
        ...

    async def stop(self) -> None:
        """End in an orderly way."""
        ...

    async def ready(self) -> Mapping[str, str]:
        """The reason for each check that fails; empty when it can serve."""
        ...


class Resource(Protocol):
    """Something that a service works with and that has to be closed: a bus, an upstream, a pool."""

    async def close(self) -> None:
        """Let go of it; may be called again, and it may be opened again afterwards."""
        ...


class Startable(Resource, Protocol):
    """A resource that has to be started, too."""

    async def start(self) -> None:
        """Begin; no effect when it has begun."""
        ...


class OwningService:
    """A service together with what only it uses: started before it, closed after it.

    A process of one service owns its bus and its upstreams; in the standalone server they are shared, and their maker owns them.

    Args:
        service: The service.
        starts: Resources to start, in this order.
        closes: Resources that only need to be closed.
    """

    def __init__(self, service: Service, *, starts: Sequence[Startable] = (), closes: Sequence[Resource] = ()) -> None:
        self._service = service
        self._starts = tuple(starts)
        self._closes = tuple(closes)
        self._turn = asyncio.Lock()

    @property
    def name(self) -> str:
        """See `Service`."""
        return self._service.name

    @property
    def app(self) -> ASGIApp:
        """See `Service`."""
        return self._service.app

    async def start(self) -> None:
        """See `Service`."""
        async with self._turn:
            for resource in self._starts:
                await resource.start()
            await self._service.start()

    async def stop(self) -> None:
        """See `Service`."""
        async with self._turn:
            try:
                await self._service.stop()
            finally:
                for resource in reversed((*self._starts, *self._closes)):
                    await resource.close()

    async def ready(self) -> Mapping[str, str]:
        """See `Service`."""
        return await self._service.ready()


def bind(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        TowpathError: `PORT_TAKEN`, or `BAD_SETTING` when the address is none of this machine or needs rights that we lack.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except (OSError, OverflowError) as e:
        raise TowpathError(Code.BAD_SETTING, f"'{host}' port {port} is no address to listen on; correct the setting.", host=host) from e
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(2048)
        sock.setblocking(False)
    except OSError as e:
        sock.close()
        if e.errno == errno.EADDRINUSE:
            raise TowpathError(
                Code.PORT_TAKEN, f"Port {port} on {host} is taken by another program; stop it, or choose another port.", port=port
            ) from None
        raise TowpathError(
            Code.BAD_SETTING, f"Cannot listen on {host} port {port} ({e.strerror}); choose another address.", host=host, port=port
        ) from e
    return sock


class _Server(uvicorn.Server):
    """uvicorn without its signal handling, which would raise the signal again after an orderly end and so spoil the exit status."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class HttpServer:
    """One application on one socket, inside a running event loop.

    Args:
        app: What is served.
        sock: A listening socket (see `bind`); closed at the end.
        ws: uvicorn's WebSocket implementation; `none` for services that have none.
        ws_bytes: Length of a WebSocket message; the head of a longer frame closes the connection with 1009, so nothing of it is held.
    """

    def __init__(self, app: ASGIApp, sock: socket.socket, *, ws: Any = "none", ws_bytes: int = WS_BYTES) -> None:
        self._sock = sock
        config = uvicorn.Config(
            app,
            http=PatientProtocol,
            ws=ws,
            ws_max_size=ws_bytes,
            # a packed message is too long only once it is unpacked: refused ones lay in memory until the next garbage collection
            ws_per_message_deflate=False,
            lifespan="off",  # a service has start and stop
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=GRACE,
            timeout_keep_alive=75,
        )
        self._server = _Server(config)

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._sock.getsockname()[1])

    async def run(self) -> None:
        """Serve until `stop`; running requests are finished first."""
        try:
            await self._server.serve(sockets=[self._sock])
        finally:
            self._sock.close()

    def stop(self) -> None:
        """Ask it to end; asked again, it drops what is still running."""
        if self._server.should_exit:
            self._server.force_exit = True
        self._server.should_exit = True


async def serve_until_stopped(
    service: Service, *, host: str, port: int, ws: str = "none", ws_bytes: int = WS_BYTES, stop_signals: bool = True
) -> None:
    """Start `service`, serve it, and stop it on SIGTERM or SIGINT.

    Args:
        service: What to run.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        ws: uvicorn's WebSocket implementation.
        ws_bytes: Length of a WebSocket message.
        stop_signals: Whether to handle the signals (the main thread only).

    Raises:
        TowpathError: When the port or something that the service needs of this machine is in the way.
    """
    server = HttpServer(service.app, bind(host, port), ws=ws, ws_bytes=ws_bytes)
    loop = asyncio.get_running_loop()
    signals = (signal.SIGTERM, signal.SIGINT) if stop_signals else ()
    for number in signals:
        loop.add_signal_handler(number, server.stop)
    http = asyncio.create_task(server.run(), name=f"http {service.name}")
    try:
        tracing.start(service.name, os.environ)
        await service.start()
        settle()
        _log.info("service_started", name=service.name, host=host, port=server.port)
        await http
        _log.info("service_stopping", name=service.name)
    finally:
        server.stop()
        try:
            await service.stop()
        finally:
            await asyncio.gather(http, return_exceptions=True)
            await tracing.stop()
            for number in signals:
                loop.remove_signal_handler(number)
    _log.info("service_stopped", name=service.name)


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run a process's main coroutine, on uvloop where there is one."""
    try:
        import uvloop
    except ImportError:
        factory = None
    else:
        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main)


def settle() -> None:
    """Tell the garbage collector that the process has started: what is there now stays, and is not searched again and again.

    Requests of many objects made the collector run often enough to cost a fourth of their time; reference counts free nearly all of them.
    What it looks at in one go still fits into a processor's cache: four times as much took twice as long for each object.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 80, 20)


def serve(service: Service, host: str, port: int, *, ws: str = "none", ws_bytes: int = WS_BYTES) -> None:
    """Run `service` as this process until it is told to stop."""
    run(serve_until_stopped(service, host=host, port=port, ws=ws, ws_bytes=ws_bytes))


def console_script(main: Callable[_P, None]) -> Callable[_P, NoReturn]:
    """Make `main` a process: a `TowpathError` becomes one sentence on standard error and an exit status, never a traceback.

    The status is 0 after an orderly end (SIGTERM and Ctrl-C included), 2 when something on this machine must be put right, else 1.
    """

    @functools.wraps(main)
    def script(*args: _P.args, **kwargs: _P.kwargs) -> NoReturn:
        try:
            main(*args, **kwargs)
        except TowpathError as e:
            sys.stderr.write(f"{e.message}\n")
            sys.exit(EXIT_CONFIGURATION if e.code in _CONFIGURATION_CODES else 1)
        except KeyboardInterrupt:
            pass
        sys.exit(0)

    return script
