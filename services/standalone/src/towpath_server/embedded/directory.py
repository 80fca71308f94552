"""The directory of one embedded server: made, owned, locked; and the short socket directory beside it.

The lock (`flock` on the file `lock`, held by the Towpath process) says who owns the directory. It vanishes with its holder however that
ends, so whoever gets it knows that no other Towpath uses the directory, whatever pid files say. This module never deletes data.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from towpath_proto.errors import Code, TowpathError
from towpath_server.embedded.account import Account, can_traverse

LOG_LIMIT = 8 * 1024 * 1024
"""A server log longer than this is set aside (one generation) when the server starts."""
_FULL = (errno.ENOSPC, errno.EDQUOT)


@contextlib.contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn an `OSError` on a server's files into `DISK_FULL` or `DATA_DIR_BROKEN`."""
    try:
        yield
    except OSError as e:
        raise storage_error(path, e) from e


def storage_error(path: Path, error: OSError) -> TowpathError:
    """`error` as a `TowpathError` about the directory `path`."""
    if error.errno in _FULL:
        return disk_full(path)
    where = error.filename or path
    return TowpathError(
        Code.DATA_DIR_BROKEN,
        f"The data directory {path} cannot be used ({where}: {error.strerror}); make it readable and writable, or choose another.",
        path=str(path),
    )


def disk_full(path: Path) -> TowpathError:
    """The error for a full disk."""
    return TowpathError(
        Code.DISK_FULL,
        f"The disk that holds {path} is full; free some space (PostgreSQL needs about 100 MB) and start again.",
        path=str(path),
    )


def refuse_strangers(path: Path, ours: Callable[[str], bool]) -> None:
    """Refuse a directory with files that are not ours: it would be given to the server's account.

    Raises:
        TowpathError: `DATA_DIR_BROKEN`.
    """
    with storage_errors(path):
        strangers = sorted(p.name for p in path.iterdir() if not ours(p.name)) if path.exists() else []
    if strangers:
        raise TowpathError(
            Code.DATA_DIR_BROKEN,
            f"{path} holds files that are not Towpath's ({', '.join(strangers[:3])}); choose an empty or a new directory.",
            path=str(path),
        )


class ServerDirectory:
    """A server's directory, of mode 0700 and owned by the account that the server runs as."""

    def __init__(self, path: Path, account: Account | None) -> None:
        self.path = path.absolute()
        self.account = account
        self._lock: int | None = None

    def open(self) -> None:
        """Make the directory if need be and take its lock.

        Raises:
            TowpathError: `DATA_DIR_IN_USE`, `DATA_DIR_BROKEN` or `DISK_FULL`; `BAD_SETTING` when the server's account cannot reach it.
        """
        if self._lock is not None:
            return
        with storage_errors(self.path):
            # resolved, because PostgreSQL and the socket directory's hash must see one name for one directory
            self.path.mkdir(parents=True, exist_ok=True, mode=0o755 if self.account else 0o700)
            self.path = self.path.resolve()
            self.adopt(self.path)
            os.chmod(self.path, 0o700)
            if self.account and not can_traverse(self.account, self.path):
                raise TowpathError(
                    Code.BAD_SETTING,
                    f"Towpath was started as root and runs its servers as '{self.account.name}', who cannot reach {self.path}; "
                    "choose a data directory outside private ones, /var/lib/towpath for example.",
                    path=str(self.path),
                )
            self._lock = self._take_lock(self.path / "lock")

    def _take_lock(self, path: Path) -> int:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(lock, 32).decode(errors="replace").strip() or "unknown"
            os.close(lock)
            raise TowpathError(
                Code.DATA_DIR_IN_USE,
                f"Another Towpath server (process {holder}) uses {self.path}; stop it, or choose another data directory.",
                path=str(self.path),
                holder=holder,
            ) from None
        except BaseException:
            os.close(lock)
            raise
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        return lock

    def close(self) -> None:
        """Release the lock."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def adopt(self, path: Path) -> None:
        """Give `path` to the server's account (nothing to do for an ordinary user)."""
        if self.account is not None:
            os.chown(path, self.account.uid, self.account.gid, follow_symlinks=False)

    def write_private(self, name: str, text: str) -> Path:
        """Write a file that only the server's account can read, whole or not at all."""
        target = self.path / name
        scratch = self.path / f"{name}.new"
        with storage_errors(self.path):
            scratch.unlink(missing_ok=True)
            fd = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(fd, "w", encoding="utf-8") as f:
                f.write(text)
            self.adopt(scratch)
            scratch.rename(target)
        return target

    def start_log(self, name: str) -> tuple[Path, int]:
        """The server's log file and its present length; a long one is set aside first."""
        path = self.path / name
        with storage_errors(self.path):
            size = path.stat().st_size if path.exists() else 0
            if size > LOG_LIMIT:
                path.replace(path.with_suffix(".old.log"))
                size = 0
        return path, size


def socket_directory(of: Path, account: Account | None) -> Path:
    """A private directory (0700) with a short name for the sockets of the server in `of`; the same one at each start.

    A socket's path may have 107 bytes, so the sockets cannot lie in a data directory of any depth.

    Raises:
        TowpathError: `BAD_SETTING` when somebody else has made it.
    """
    uid = account.uid if account else os.geteuid()
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    # Root's runtime directory is closed to the account that the server runs as.
    home = Path(runtime) if account is None and 0 < len(runtime) < 60 and os.access(runtime, os.W_OK) else Path("/tmp")
    path = home / f"towpath-{uid}-{hashlib.sha256(os.fsencode(of)).hexdigest()[:16]}"
    with storage_errors(path):
        try:
            path.mkdir(mode=0o700)
            if account is not None:
                os.chown(path, account.uid, account.gid)
        except FileExistsError:
            pass
        info = path.lstat()
        if not stat.S_ISDIR(info.st_mode) or info.st_uid != uid or info.st_mode & 0o077:
            raise TowpathError(Code.BAD_SETTING, f"{path} is not a private directory of ours; remove it and start again.", path=str(path))
    return path
