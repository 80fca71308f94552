"""The embedded NATS server: core NATS on loopback behind a token, nothing on disk but its log.

Messages are hints (architecture §1), so there is no JetStream and nothing to lose. The first start takes a free port; restarts keep it, so
that clients that reconnect find it.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import signal
import socket
from pathlib import Path

from towpath_proto.errors import Code, TowpathError
from towpath_server.embedded import binaries
from towpath_server.embedded.account import server_account
from towpath_server.embedded.directory import ServerDirectory, refuse_strangers, storage_errors
from towpath_server.embedded.process import ServerProcess, describe_exit, tail
from towpath_server.embedded.server import EmbeddedServer

_HOST = "127.0.0.1"
_POLL = 0.003
_OURS = {"nats.conf", "nats.conf.new", "nats.log", "nats.old.log", "lock"}
_CONFIGURATION = """\
host: "{host}"
port: {port}
authorization {{ token: "{token}" }}
ports_file_dir: "{directory}"
max_connections: 2000
max_payload: 1048576
max_pending: 16777216
write_deadline: "5s"
ping_interval: "10s"
ping_max: 2
"""


def port_taken(port: int) -> bool:
    """Whether somebody listens on a loopback port (or we may not)."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError:
            return True
    return False


class EmbeddedNats(EmbeddedServer):
    """NATS as a child process.

    Args:
        directory: Holds the configuration and the log; made if missing.
        port: The loopback port; by default a free one.
        token: What clients must present; by default a random one per object.
        start_timeout: Seconds until a start is given up.
    """

    name = "NATS"

    def __init__(self, directory: Path, *, port: int | None = None, token: str | None = None, start_timeout: float = 20.0) -> None:
        super().__init__()
        self._directory = ServerDirectory(directory, server_account())
        self._port = port
        self._token = token or secrets.token_urlsafe(24)
        self._start_timeout = start_timeout

    @property
    def url(self) -> str:
        """What clients connect to; holds the token, so do not print it.

        Raises:
            TowpathError: `NOT_RUNNING` before the first start.
        """
        if self._port is None:
            raise TowpathError(Code.NOT_RUNNING, "The embedded NATS has not been started.")
        return f"nats://{self._token}@{_HOST}:{self._port}"

    async def _launch(self) -> ServerProcess:
        directory = self._directory
        refuse_strangers(directory.path, _is_ours)
        directory.open()
        program = binaries.nats_server()
        if self._port is not None and port_taken(self._port):
            raise self._taken(self._port)
        log, _ = directory.start_log("nats.log")
        self._forget_ports_files()
        configuration = directory.write_private(
            "nats.conf",
            _CONFIGURATION.format(host=_HOST, port=self._port or -1, token=self._token, directory=directory.path),
        )
        with storage_errors(directory.path):
            process = await ServerProcess.launch(
                [str(program), "-c", str(configuration)],
                account=directory.account,
                log=log,
                death_signal=signal.SIGTERM,
                env={"GOMEMLIMIT": "64MiB"},
            )
        try:
            async with asyncio.timeout(self._start_timeout):
                self._port = await self._serving(process)
        except TimeoutError:
            await self._shut_down(process)
            raise TowpathError(Code.UNAVAILABLE, f"NATS did not start within {self._start_timeout:g} s; see {log}.") from None
        except BaseException:
            await self._shut_down(process)
            if self._port is not None and port_taken(self._port):
                raise self._taken(self._port) from None
            raise
        return process

    async def _serving(self, process: ServerProcess) -> int:
        """Wait for the ports file, which NATS writes once it listens; the port in it."""
        path = self._directory.path / f"nats-server_{process.pid}.ports"
        while process.returncode is None:
            port = _read_port(path)
            if port is not None:
                return port
            await asyncio.sleep(_POLL)
        process.check_launched()
        lines = tail(self._directory.path / "nats.log")
        raise TowpathError(
            Code.UNAVAILABLE,
            f"NATS could not start ({describe_exit(process.returncode)}): {lines[-1] if lines else 'it wrote nothing'}",
        )

    async def _shut_down(self, process: ServerProcess) -> None:
        await process.stop((signal.SIGTERM, 5.0))

    def _release(self) -> None:
        self._directory.close()

    def _forget_ports_files(self) -> None:
        with storage_errors(self._directory.path):
            for path in self._directory.path.glob("nats-server_*.ports"):
                path.unlink(missing_ok=True)

    def _taken(self, port: int) -> TowpathError:
        return TowpathError(
            Code.PORT_TAKEN, f"Port {port} for NATS is taken by another program; stop it, or choose another port.", port=port
        )


def _is_ours(name: str) -> bool:
    return name in _OURS or (name.startswith("nats-server_") and name.endswith(".ports"))


def _read_port(path: Path) -> int | None:
    try:
        addresses = json.loads(path.read_bytes())["nats"]
    except (FileNotFoundError, ValueError):  # not there, or half written
        return None
    return int(addresses[0].rpartition(":")[2])
