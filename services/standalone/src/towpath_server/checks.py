"""What `towpath doctor` asks about a server on this machine: whether one serves from the data directory, and whether its disk has room.

The directory is the one that `towpath server` uses without --data-dir: TOWPATH_DATA_DIR, or the default.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from urllib.parse import urlsplit

from towpath_server.data_dir import DataDirectory, default_path

_LITTLE = 1024**3
_TOO_LITTLE = 100 * 1024**2

Answer = tuple[str, str, str, str]
"""Name, status (ok, warning, failed, skipped), detail, advice."""


def checks(api_url: str) -> Iterator[Answer]:
    """The findings about the embedded server.

    Args:
        api_url: The address that the client uses; a server at another address is none of its business.
    """
    directory = DataDirectory(default_path())
    note = directory.read_note()
    if note is None:
        yield ("local server", "skipped", f"none runs on {directory.path} (TOWPATH_DATA_DIR names another directory)", "")
        return
    if urlsplit(note.url).port != urlsplit(api_url).port:
        yield ("local server", "warning", f"the one on {directory.path} is at {note.url}", "Set TOWPATH_API_URL if you mean that one.")
        return
    yield ("local server", "ok", f"process {note.pid} on {directory.path}, since {note.started}", "")
    yield from _room(directory)


def _room(directory: DataDirectory) -> Iterator[Answer]:
    free = shutil.disk_usage(directory.path).free
    shown = f"{free / 1024**3:.1f} GiB free at {directory.path}"
    advice = "Make room, or move the data directory: PostgreSQL stops when its disk is full."
    status = "failed" if free < _TOO_LITTLE else "warning" if free < _LITTLE else "ok"
    yield ("disk", status, shown, "" if status == "ok" else advice)
    if os.access(directory.path, os.R_OK):
        inodes = os.statvfs(directory.path)
        if inodes.f_files and inodes.f_favail < 1000:
            yield ("disk", "failed", f"{inodes.f_favail} inodes left at {directory.path}", advice)
