"""The directory of a runner: its socket, its lock, its output. One live runner a directory, held by a file lock.

A socket's path may have 107 bytes at most; a longer one is reached through an open descriptor of its directory (Linux).
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from towpath_proto.errors import Code, TowpathError

SOCKET = "runner.sock"
_LOCK = "runner.lock"
OUTPUT = "output.log"
_LONGEST_PATH = 100


def default_directory(home: Path, api_url: str) -> Path:
    """The runner's directory for one API: all local agents of this user that serve it share one runner."""
    return home / "runner" / hashlib.sha256(api_url.encode()).hexdigest()[:12]


def prepare(directory: Path) -> Path:
    """Make the directory, for this user only.

    Raises:
        TowpathError: `BAD_SETTING` when it belongs to somebody else.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = directory.stat()
    if status.st_uid != os.geteuid():
        raise TowpathError(Code.BAD_SETTING, f"The directory {directory} belongs to another user; choose another with --directory.")
    directory.chmod(0o700)
    return directory


@contextmanager
def _address(directory: Path) -> Iterator[str]:
    path = directory / SOCKET
    if len(os.fsencode(path)) <= _LONGEST_PATH:
        yield str(path)
        return
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if not Path(f"/proc/self/fd/{descriptor}").exists():
            raise TowpathError(Code.BAD_SETTING, f"The path {path} is too long for a socket; choose a shorter one with --directory.")
        yield f"/proc/self/fd/{descriptor}/{SOCKET}"
    finally:
        os.close(descriptor)


def listen(directory: Path) -> socket.socket:
    """The listening socket of the directory's runner. Call it with the lock held: what is left of an earlier one is removed."""
    (directory / SOCKET).unlink(missing_ok=True)
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with _address(directory) as address:
        server.bind(address)
    server.listen(64)
    server.setblocking(False)
    return server


def connect(directory: Path) -> socket.socket:
    """A connection to the directory's live runner.

    Raises:
        OSError: There is none.
    """
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _address(directory) as address:
            client.connect(address)
    except BaseException:
        client.close()
        raise
    return client


def lock(directory: Path) -> int | None:
    """A descriptor that holds the directory's lock, or None when another runner holds it."""
    descriptor = os.open(directory / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
