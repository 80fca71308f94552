"""One process per service (`--processes`): the same console scripts that run in containers, beside PostgreSQL and NATS of our own.

Each service listens on a free loopback port and is configured by its environment alone. One that dies is started again, ever more slowly
while it keeps dying; its output goes to `log/<service>.log` in the data directory.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace

import towpath_gateway.config
from towpath_proto.errors import Code, TowpathError
from towpath_server.access import need_a_key
from towpath_server.data_dir import DataDirectory
from towpath_server.embedded.process import ServerProcess, describe_exit
from towpath_server.options import Addresses, Options, service_environment
from towpath_server.stack import START_TIMEOUT, embedded
from towpath_service_kit.logs import get_log
from towpath_service_kit.service import GRACE
from towpath_service_kit.upstream import HttpUpstream

_log = get_log(__name__)
_LONGEST_DELAY = 5.0
_STEADY = 10.0
"""Seconds after which a process that dies counts as one that had worked."""


@dataclass(frozen=True, slots=True)
class Spec:
    """A service as a process."""

    name: str
    module: str
    port: int
    port_setting: str


def free_port() -> int:
    """A loopback port that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class ServiceProcess:
    """One service's process, kept alive until it is stopped.

    Args:
        spec: What to run.
        env: Its environment.
        directory: Where its log goes.
    """

    def __init__(self, spec: Spec, env: Mapping[str, str], directory: DataDirectory) -> None:
        self.spec = spec
        self._env = {**env, spec.port_setting: str(spec.port)}
        self._log_file = directory.logs / f"{spec.name}.log"
        self._process: ServerProcess | None = None
        self._keeper: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The process id, while it lives."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    async def start(self) -> None:
        """Start it, and keep it started."""
        await self._launch()
        self._keeper = asyncio.create_task(self._keep(), name=f"keep {self.spec.name}")

    async def stop(self) -> None:
        """End it in an orderly way."""
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)
        if self._process is not None:
            await self._process.stop((signal.SIGTERM, GRACE + 2.0))

    async def _launch(self) -> None:
        self._process = await ServerProcess.launch(
            [sys.executable, "-c", f"from {self.spec.module} import main; main()"],
            account=None,
            log=self._log_file,
            death_signal=signal.SIGTERM,
            env=self._env,
        )

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        delay = 0.1
        while True:
            assert self._process is not None
            began = loop.time()
            status = await self._process.wait()
            _log.error("service_process_died", name=self.spec.name, exit=describe_exit(status), log=str(self._log_file))
            delay = 0.1 if loop.time() - began > _STEADY else min(delay * 2, _LONGEST_DELAY)
            await asyncio.sleep(delay)
            await self._launch()


async def _wait_healthy(url: str, services: list[ServiceProcess]) -> None:
    upstream = HttpUpstream(url, timeout=3)
    last = "no answer yet"
    try:
        async with asyncio.timeout(START_TIMEOUT):
            while True:
                with contextlib.suppress(TowpathError):
                    answer = await upstream.get("/health")
                    if answer.status == 200:
                        return
                    last = answer.body.decode(errors="replace")[:500]
                await asyncio.sleep(0.05)
    except TimeoutError:
        names = ", ".join(s.spec.name for s in services if s.pid is None)
        dead = f" Not running: {names}." if names else ""
        message = f"The services were not healthy within {START_TIMEOUT:g} s.{dead} Their logs are in the data directory. Last: {last}"
        raise TowpathError(Code.UNAVAILABLE, message) from None
    finally:
        await upstream.close()


@contextlib.asynccontextmanager
async def running(options: Options, directory: DataDirectory, sock: socket.socket) -> AsyncIterator[list[ServiceProcess]]:
    """All services as processes, healthy when the block is entered; arguments as `stack.running`."""
    directory.logs.mkdir(exist_ok=True)
    port: int = sock.getsockname()[1]
    sock.close()  # it proved that the port is free; the gateway's own process listens on it
    options = replace(options, port=port)
    async with contextlib.AsyncExitStack() as stack:
        postgres, nats = await stack.enter_async_context(embedded(directory))
        ports = {name: free_port() for name in ("graphql", "read", "scheduler", "zombie_killer", "lazarus")}
        host = f"[{options.host}]" if ":" in options.host else options.host
        url = f"http://{'127.0.0.1' if options.host in ('0.0.0.0', '::') else host}:{port}"
        addresses = Addresses(postgres.dsn(), nats.url, f"http://127.0.0.1:{ports['graphql']}", f"http://127.0.0.1:{ports['read']}", url)
        env = service_environment(options, directory.secrets(), addresses)
        env |= {f"TOWPATH_{n.upper()}_URL": f"http://127.0.0.1:{ports[n]}" for n in ("scheduler", "zombie_killer", "lazarus")}
        specs = [
            Spec("graphql", "towpath_graphql.main", ports["graphql"], "TOWPATH_GRAPHQL_PORT"),
            Spec("read-engine", "towpath_read_engine.main", ports["read"], "TOWPATH_READ_PORT"),
            Spec("gateway", "towpath_gateway.main", port, "TOWPATH_PORT"),
            Spec("scheduler", "towpath_scheduler.main", ports["scheduler"], "TOWPATH_SCHEDULER_PORT"),
            Spec("zombie-killer", "towpath_zombie_killer.main", ports["zombie_killer"], "TOWPATH_ZOMBIE_KILLER_PORT"),
            Spec("lazarus", "towpath_lazarus.main", ports["lazarus"], "TOWPATH_LAZARUS_PORT"),
        ]
        services = [ServiceProcess(spec, env, directory) for spec in specs]
        for service in services:
            stack.push_async_callback(service.stop)
            await service.start()
        await _wait_healthy(url, services)
        if towpath_gateway.config.Config.from_env(env).auth:
            graphql = HttpUpstream(f"http://127.0.0.1:{ports['graphql']}")
            try:
                await need_a_key(graphql, secret=env["TOWPATH_IDENTITY_SECRET"], host=options.host)
            finally:
                await graphql.close()
        yield services
