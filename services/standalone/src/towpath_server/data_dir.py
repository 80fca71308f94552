"""The data directory of a standalone server: its lock, its secrets, and the note of who serves from it.

Layout: `postgres/` and `nats/` (owned by the account that those run as), `secrets.json` (made once, mode 0600), `server.json` (while a
server runs: process, address, start), `lock`, `log/`. It is not where users keep flows or results.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote
from typing import Any

from towpath_proto.errors import Code, TowpathError
from towpath_server.embedded.directory import storage_errors


def default_path(env: dict[str, str] | os._Environ[str] = os.environ) -> Path:
    """`TOWPATH_DATA_DIR`; else /var/lib/towpath for root, whose home the servers' account cannot enter; else ~/.towpath/server."""
    if given := env.get("TOWPATH_DATA_DIR"):
        return Path(given)
    return Path("/var/lib/towpath") if os.geteuid() == 0 else Path.home() / ".towpath" / "server"


@dataclass(frozen=True, slots=True)
class Secrets:
    """The installation's secrets; never printed.

    Attributes:
        identity: Signs identities and run tokens; kept, so that runs survive a restart of the server.
        read: Admin secret of the read engine.
        service: Token of the loops.
        secret_key: Encrypts the secrets of flows in the database; they are lost with it.
    """

    identity: str
    read: str
    service: str
    secret_key: str

    def __repr__(self) -> str:
        return "Secrets(…)"


@dataclass(frozen=True, slots=True)
class Note:
    """Who serves from a directory."""

    pid: int
    url: str
    started: str
    processes: bool


class DataDirectory:
    """A data directory; `open` takes its lock."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().absolute()
        self._lock: int | None = None

    @property
    def postgres(self) -> Path:
        """Where PostgreSQL keeps its cluster."""
        return self.path / "postgres"

    @property
    def nats(self) -> Path:
        """Where NATS keeps its configuration."""
        return self.path / "nats"

    @property
    def logs(self) -> Path:
        """Where service processes write, with --processes."""
        return self.path / "log"

    def open(self) -> None:
        """Make the directory if need be, and take its lock.

        Raises:
            TowpathError: `DATA_DIR_IN_USE`, `DATA_DIR_BROKEN` or `DISK_FULL`.
        """
        with storage_errors(self.path):
            if self.path.exists() and not self.path.is_dir():
                raise TowpathError(Code.DATA_DIR_BROKEN, f"{self.path} is a file; give a directory with --data-dir.", path=str(self.path))
            self.path.mkdir(parents=True, exist_ok=True, mode=0o755)
            lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
                note = self.read_note()
                who = f" at {note.url} (process {note.pid})" if note else ""
                raise TowpathError(
                    Code.DATA_DIR_IN_USE,
                    f"A Towpath server{who} already uses {self.path}; stop it with `towpath server stop --data-dir "
                    f"{quote(str(self.path))}`, or choose another --data-dir.",
                    path=str(self.path),
                ) from None
            self._lock = lock

    def close(self) -> None:
        """Forget the note and release the lock."""
        if self._lock is not None:
            (self.path / "server.json").unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = None

    def secrets(self) -> Secrets:
        """The installation's secrets, made at the first call.

        Raises:
            TowpathError: `DATA_DIR_BROKEN` when the file is there and cannot be understood.
        """
        file = self.path / "secrets.json"
        with storage_errors(self.path):
            made = {field.name: secrets.token_urlsafe(32) for field in fields(Secrets)}
            if not file.exists():
                self._write(file, made)
            try:
                kept = json.loads(file.read_text(encoding="utf-8"))
                found = Secrets(**(made | kept))
            except (ValueError, TypeError):
                raise TowpathError(
                    Code.DATA_DIR_BROKEN,
                    f"{file} is damaged; restore it from a backup, or remove it to have new secrets made. What was kept with "
                    "`towpath secret set` cannot be read without it and has to be set again.",
                    path=str(file),
                ) from None
            if asdict(found) != kept:  # a secret that was not there when the file was made
                self._write(file, asdict(found))
            return found

    def write_note(self, url: str, *, processes: bool) -> None:
        """Say who serves from here."""
        note = Note(os.getpid(), url, datetime.now(UTC).isoformat(timespec="seconds"), processes)
        with storage_errors(self.path):
            self._write(self.path / "server.json", asdict(note))

    def read_note(self) -> Note | None:
        """Who serves from here, if anybody says so and lives."""
        try:
            found: dict[str, Any] = json.loads((self.path / "server.json").read_text(encoding="utf-8"))
            note = Note(**found)
            os.kill(note.pid, 0)
        except (OSError, ValueError, TypeError):
            return None
        return note

    def _write(self, file: Path, content: dict[str, Any]) -> None:
        scratch = file.with_suffix(".new")
        scratch.unlink(missing_ok=True)
        fd = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "w", encoding="utf-8") as f:
            json.dump(content, f)
        scratch.replace(file)
