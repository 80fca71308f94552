"""What an earlier PostgreSQL may have left of itself in a cluster, and how it is cleared away.

The caller holds the directory's lock, so no live Towpath uses the cluster. A process counts as a PostgreSQL *of this cluster* only when its
working directory is the cluster (PostgreSQL changes into it); a pid alone proves nothing. Where there is no `/proc`, PostgreSQL's own
checks decide. A server that Towpath did not start is never signalled.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

from towpath_proto.errors import Code, TowpathError
from towpath_server.embedded.directory import storage_errors

_PROC = Path("/proc")
_HAS_PROC = _PROC.is_dir()
_POLL = 0.02
_READY_LINE = 7
"""Index of the status in `postmaster.pid`."""


def read_pid_file(path: Path) -> list[str]:
    """The lines of a `postmaster.pid`; none when there is no such file."""
    try:
        return path.read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return []


def is_ready(path: Path, pid: int) -> bool:
    """Whether `postmaster.pid` says that the server `pid` accepts connections."""
    lines = read_pid_file(path)
    return len(lines) > _READY_LINE and lines[0] == str(pid) and lines[_READY_LINE].strip() == "ready"


def processes_in(cluster: Path) -> list[int]:
    """The processes whose working directory is `cluster`."""
    found = []
    wanted = str(cluster)
    for entry in os.listdir(_PROC) if _HAS_PROC else ():
        if not entry.isdigit():
            continue
        try:
            if os.readlink(_PROC / entry / "cwd") == wanted:
                found.append(int(entry))
        except OSError:  # gone meanwhile, or not ours to look at
            continue
    return found


async def clear(cluster: Path, *, recorded: int | None, patience: float = 15.0) -> None:
    """Make the cluster startable: stop an orphan of ours, remove a stale `postmaster.pid`.

    Args:
        cluster: The cluster's directory.
        recorded: The process that Towpath itself started last.
        patience: Seconds to wait for an orphan's fast shutdown before it is killed.

    Raises:
        TowpathError: `DATA_DIR_IN_USE` when a server that Towpath did not start runs in the cluster.
    """
    pid_file = cluster / "postmaster.pid"
    with storage_errors(cluster):
        lines = read_pid_file(pid_file)
    if not lines or not _HAS_PROC:
        return
    postmaster = int(lines[0]) if lines[0].isdigit() else None
    alive = processes_in(cluster)
    if postmaster in alive and postmaster != recorded:
        raise TowpathError(
            Code.DATA_DIR_IN_USE,
            f"A PostgreSQL that Towpath did not start (process {postmaster}) uses {cluster}; stop it first.",
            path=str(cluster),
            holder=postmaster,
        )
    if postmaster in alive:
        _signal([postmaster], signal.SIGINT)
    elif alive:  # backends whose postmaster was killed; they end by themselves unless they are in the middle of something
        _signal(alive, signal.SIGQUIT)
    await _gone(cluster, patience)
    with storage_errors(cluster):
        pid_file.unlink(missing_ok=True)


async def _gone(cluster: Path, patience: float) -> None:
    deadline = time.monotonic() + patience
    while alive := processes_in(cluster):
        if time.monotonic() > deadline:
            _signal(alive, signal.SIGKILL)
        await asyncio.sleep(_POLL)


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass  # ended meanwhile
