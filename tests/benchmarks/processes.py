"""What processes cost: memory and CPU of a process and everything that came from it. Linux only."""

from __future__ import annotations

from pathlib import Path

import psutil


def family(pid: int) -> list[psutil.Process]:
    """A process and all that came from it."""
    root = psutil.Process(pid)
    return [root, *root.children(recursive=True)]


def pss(process: psutil.Process) -> float:
    """MiB of a process, with shared pages divided among those who share them."""
    for line in Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


def cpu_seconds(pid: int) -> dict[str, float]:
    """CPU seconds by kind of process so far, with those of children that have ended."""
    total: dict[str, float] = {}
    for process in family(pid):
        try:
            times, what = process.cpu_times(), kind(process)
        except psutil.NoSuchProcess:
            continue
        total[what] = total.get(what, 0.0) + times.user + times.system + times.children_user + times.children_system
    return total


def cpu_since(pid: int, before: dict[str, float]) -> dict[str, float]:
    """CPU seconds by kind of process since `before`."""
    return {what: seconds - before.get(what, 0.0) for what, seconds in cpu_seconds(pid).items()}


def kind(process: psutil.Process) -> str:
    """PostgreSQL, NATS or Towpath."""
    name = process.name()
    return "PostgreSQL" if "postgres" in name else "NATS" if "nats" in name else "Towpath"
