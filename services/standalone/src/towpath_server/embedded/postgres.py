"""The embedded PostgreSQL: made at the first start, reached by a private socket, durable.

Layout of its directory: `cluster` (the data), `postgres.log`, `lock`, `postgres.pid` (which process Towpath started), `password` (for TCP).

What can be found at a start, and what is done:
- *nothing, or what an interrupted first start left*: a cluster is made in `cluster.new` and renamed once it is whole.
- *a cluster and no process*: it is started; PostgreSQL recovers by itself from a crash.
- *a `postmaster.pid` after a kill -9*: the pid may belong to nobody, to an unrelated process (pids come again, above all in containers), or
  to an orphan of ours that outlived its Towpath. `remains` tells them apart; an orphan is stopped first.
- *another live Towpath or a server that somebody started by hand*: `DATA_DIR_IN_USE`; nothing is touched.
- *a directory that is no cluster or one of another version*: `DATA_DIR_BROKEN`; nothing is touched.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import signal
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from towpath_proto.errors import Code, TowpathError
from towpath_server.embedded import binaries, remains
from towpath_server.embedded.account import server_account
from towpath_server.embedded.binaries import PostgresInstall
from towpath_server.embedded.directory import ServerDirectory, disk_full, refuse_strangers, socket_directory, storage_errors
from towpath_server.embedded.nats import port_taken
from towpath_server.embedded.process import ServerProcess, describe_exit, run, tail
from towpath_server.embedded.server import EmbeddedServer

_USER = "towpath"
_DATABASE = "towpath"
_PORT = 5432
"""Part of the socket's file name; nothing listens on TCP unless asked."""
_POLL = 0.003
_OURS = {"cluster", "cluster.new", "postgres.log", "postgres.old.log", "lock", "postgres.pid", "password", "password.new"}
_FULL_TEXTS = ("No space left on device", "Disk quota exceeded")
_NO_SPACE = 1024 * 1024
"""A disk with less free than this is full, whatever PostgreSQL said last."""

SETTINGS: Mapping[str, str] = {
    # small: one machine, a handful of pools, mostly idle
    "shared_buffers": "32MB",
    "max_connections": "60",
    "work_mem": "4MB",
    "maintenance_work_mem": "32MB",
    "max_wal_size": "256MB",
    "min_wal_size": "32MB",
    "max_wal_senders": "0",
    "wal_level": "minimal",
    "max_logical_replication_workers": "0",
    "max_worker_processes": "2",
    "max_parallel_workers_per_gather": "0",
    "autovacuum_max_workers": "2",
    # our statements are short: compiling them costs more than it saves
    "jit": "off",
    "random_page_cost": "1.1",
    "checkpoint_timeout": "15min",
    "wal_compression": "on",
    "log_checkpoints": "off",
    "log_min_messages": "warning",
    "idle_in_transaction_session_timeout": "60s",
    "timezone": "UTC",
}
"""What differs from PostgreSQL's defaults. Durability (`fsync`, `synchronous_commit`, `full_page_writes`) and autovacuum stay on."""
_SETTINGS_18: Mapping[str, str] = {"io_method": "sync"}  # no three idle I/O workers


class EmbeddedPostgres(EmbeddedServer):
    """PostgreSQL as a child process.

    Args:
        directory: Holds everything of it; made if missing.
        listen_port: Also listen on this loopback port, with a password; by default only on the socket.
        settings: PostgreSQL settings over `SETTINGS`.
        start_timeout: Seconds until a start is given up; long, for recovery after a crash takes its time.
    """

    name = "PostgreSQL"

    def __init__(
        self,
        directory: Path,
        *,
        listen_port: int | None = None,
        settings: Mapping[str, str] | None = None,
        start_timeout: float = 120.0,
    ) -> None:
        super().__init__()
        self._directory = ServerDirectory(directory, server_account())
        self._listen_port = listen_port
        self._settings = dict(settings or {})
        self._start_timeout = start_timeout
        self._sockets: Path | None = None

    def dsn(self, dbname: str = _DATABASE) -> str:
        """The address of a database as a libpq URI, by the socket; it stays the same over restarts.

        Raises:
            TowpathError: `NOT_RUNNING` before the first start.
        """
        return f"postgresql://{_USER}@/{quote(dbname, safe='')}?host={quote(str(self._socket_home()), safe='/')}&port={self._port}"

    def tcp_dsn(self, dbname: str = _DATABASE) -> str:
        """The address by TCP; holds the password, so do not print it.

        Raises:
            TowpathError: `BAD_SETTING` when it does not listen on TCP, `NOT_RUNNING` before the first start.
        """
        if self._listen_port is None:
            raise TowpathError(Code.BAD_SETTING, "The embedded PostgreSQL listens on no port; give it one with listen_port.")
        self._socket_home()
        with storage_errors(self._directory.path):
            password = (self._directory.path / "password").read_text().strip()
        return f"postgresql://{_USER}:{quote(password)}@127.0.0.1:{self._listen_port}/{quote(dbname, safe='')}"

    @property
    def _port(self) -> int:
        return self._listen_port or _PORT

    @property
    def _cluster(self) -> Path:
        return self._directory.path / "cluster"

    def _socket_home(self) -> Path:
        if self._sockets is None:
            raise TowpathError(Code.NOT_RUNNING, "The embedded PostgreSQL has not been started.")
        return self._sockets

    async def _launch(self) -> ServerProcess:
        directory = self._directory
        if not self._exists():
            refuse_strangers(directory.path, _OURS.__contains__)
        directory.open()
        installs = binaries.postgres_installs()
        install = self._install_for_cluster(installs) if self._exists() else installs[0]
        install = await asyncio.to_thread(binaries.reachable, install, directory.account)
        self._sockets = socket_directory(directory.path, directory.account)
        if self._exists():
            await remains.clear(self._cluster, recorded=_read_pid(directory.path / "postgres.pid"))
        else:
            await self._initialise(install)
        if self._listen_port is not None and port_taken(self._listen_port):
            raise self._taken(self._listen_port)
        return await self._serve(install)

    def _exists(self) -> bool:
        with storage_errors(self._directory.path):
            return self._cluster.exists()

    def _install_for_cluster(self, installs: list[PostgresInstall]) -> PostgresInstall:
        path = self._cluster
        try:
            with storage_errors(path):
                version = (path / "PG_VERSION").read_text().strip()
        except TowpathError as e:
            if isinstance(e.__cause__, FileNotFoundError | NotADirectoryError):
                raise TowpathError(
                    Code.DATA_DIR_BROKEN,
                    f"{path} is no PostgreSQL data directory; restore it from a backup, or move it away to begin anew.",
                    path=str(path),
                ) from None
            raise
        for install in installs:
            if version == str(install.major):
                return install
        have = " and ".join(str(i.major) for i in installs)
        raise TowpathError(
            Code.DATA_DIR_BROKEN,
            f"{path} was made by PostgreSQL {version or '?'}, and the installed binaries are of {have}; "
            "install the Towpath that made it and move the data by pg_dump.",
            path=str(path),
            version=version,
        )

    async def _initialise(self, install: PostgresInstall) -> None:
        directory = self._directory
        new = directory.path / "cluster.new"
        with storage_errors(directory.path):
            if new.exists():
                await asyncio.to_thread(shutil.rmtree, new)
        password = directory.write_private("password", secrets.token_urlsafe(24) + "\n")
        options = [
            "-U",
            _USER,
            "-E",
            "UTF8",
            "--no-locale",
            "--no-instructions",
            "--wal-segsize=4",
            "--auth-local=trust",
            "--auth-host=scram-sha-256",
        ]
        initdb, postgres = str(install.program("initdb")), str(install.program("postgres"))
        create = f'create database "{_DATABASE}" strategy file_copy;\n'.encode()
        # Nothing of it counts before the rename, so all is forced to disk once, at the end, instead of at each step.
        for command, stdin in (
            ([initdb, "-D", str(new), "--no-sync", f"--pwfile={password}", *options], b""),
            ([postgres, "--single", "-D", str(new), "-c", "fsync=off", "-c", "log_min_messages=fatal", "postgres"], create),
            ([initdb, "-D", str(new), "--sync-only"], b""),
        ):
            status, output = await run(command, account=directory.account, stdin=stdin)
            if status != 0:
                raise self._why_not(output.splitlines(), f"PostgreSQL could not make its data directory in {directory.path}")
        with storage_errors(directory.path):
            new.rename(self._cluster)
            _sync_directory(directory.path)

    async def _serve(self, install: PostgresInstall) -> ServerProcess:
        directory = self._directory
        log, log_start = directory.start_log("postgres.log")
        with storage_errors(directory.path):
            process = await ServerProcess.launch(
                [str(install.program("postgres")), "-D", str(self._cluster), *self._options(install)],
                account=directory.account,
                log=log,
                death_signal=signal.SIGINT,  # a fast shutdown
            )
        try:
            directory.write_private("postgres.pid", f"{process.pid}\n")
            async with asyncio.timeout(self._start_timeout):
                await self._ready(process, log, log_start)
        except TimeoutError:
            await self._shut_down(process)
            raise TowpathError(Code.UNAVAILABLE, f"PostgreSQL did not start within {self._start_timeout:g} s; see {log}.") from None
        except BaseException:
            await self._shut_down(process)
            raise
        return process

    def _options(self, install: PostgresInstall) -> list[str]:
        chosen = {
            **SETTINGS,
            **(_SETTINGS_18 if install.major >= 18 else {}),
            "listen_addresses": "127.0.0.1" if self._listen_port else "",
            "port": str(self._port),
            "unix_socket_directories": str(self._socket_home()),
            "unix_socket_permissions": "0700",
            **self._settings,
        }
        return [part for name, value in chosen.items() for part in ("-c", f"{name}={value}")]

    async def _ready(self, process: ServerProcess, log: Path, log_start: int) -> None:
        """Wait until PostgreSQL notes in its pid file that it accepts connections."""
        pid_file = self._cluster / "postmaster.pid"
        while process.returncode is None:
            if remains.is_ready(pid_file, process.pid):
                return
            await asyncio.sleep(_POLL)
        process.check_launched()
        if self._listen_port is not None and port_taken(self._listen_port):
            raise self._taken(self._listen_port)
        raise self._why_not(tail(log, log_start), f"PostgreSQL could not start ({describe_exit(process.returncode)}; log: {log})")

    def _why_not(self, lines: list[str], what: str) -> TowpathError:
        path = self._directory.path
        if any(text in line for line in lines for text in _FULL_TEXTS) or _free(path) < _NO_SPACE:
            return disk_full(path)
        grave = [line for line in lines if any(level in line for level in ("FATAL:", "PANIC:", "error:"))]
        reason = (grave or lines or ["it wrote nothing"])[-1].strip()
        return TowpathError(Code.DATA_DIR_BROKEN, f"{what}: {reason}", path=str(path))

    def _taken(self, port: int) -> TowpathError:
        return TowpathError(
            Code.PORT_TAKEN, f"Port {port} for PostgreSQL is taken by another program; stop it, or choose another port.", port=port
        )

    async def _shut_down(self, process: ServerProcess) -> None:
        # fast shutdown, then immediate shutdown (recovery at the next start)
        await process.stop((signal.SIGINT, 20.0), (signal.SIGQUIT, 5.0))

    def _release(self) -> None:
        if self._sockets is not None:
            try:
                self._sockets.rmdir()
            except OSError:
                pass  # a killed server's socket is still in it; the next start takes it over
        self._directory.close()


def _free(path: Path) -> int:
    try:
        info = os.statvfs(path)
    except OSError:
        return _NO_SPACE
    return info.f_bavail * info.f_frsize


def _read_pid(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def _sync_directory(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
