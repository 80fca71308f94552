"""Processes that we start: they die with their parent, and their end is said in words.

Only what the kernel says counts: "out of memory" needs its counter, a bare SIGKILL is a guess.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1

_KNOWN = {
    signal.SIGSEGV: "segmentation fault (SIGSEGV)",
    signal.SIGBUS: "bus error (SIGBUS)",
    signal.SIGABRT: "aborted (SIGABRT)",
    signal.SIGILL: "illegal instruction (SIGILL)",
    signal.SIGFPE: "arithmetic fault (SIGFPE)",
    signal.SIGTERM: "terminated (SIGTERM)",
    signal.SIGINT: "interrupted (SIGINT)",
    signal.SIGXCPU: "CPU time limit exceeded (SIGXCPU)",
}


def describe(status: int, *, oom_killed: bool, begun: bool = True) -> str:
    """A phrase for a wait status, such as "killed (SIGKILL; memory may be short)".

    Args:
        status: What `os.waitpid` gave.
        oom_killed: Whether the kernel counted an out-of-memory kill in the process's cgroup during its life.
        begun: Whether the run had begun.
    """
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        return describe_signal(-code, oom_killed=oom_killed)
    before = "it reported a final state" if begun else "it began"
    return f"exited with status {code} before {before}"


def describe_signal(number: int, *, oom_killed: bool) -> str:
    """A phrase for the signal that ended a process."""
    if number == signal.SIGKILL:
        return "killed by the kernel: out of memory (SIGKILL)" if oom_killed else "killed (SIGKILL; memory may be short)"
    try:
        name = signal.Signals(number)
    except ValueError:
        return f"killed (signal {number})"
    return _KNOWN.get(name, f"killed ({name.name})")


def clause(how: str) -> str:
    """What `describe` said, as a clause that follows "the process …"."""
    # "exited with…" and "killed…" are verbs; "segmentation fault…" is a noun
    if how.startswith("exited"):
        return how
    if how.startswith(("killed", "terminated", "interrupted", "aborted")):
        return f"was {how}"
    return f"died of a {how}"


def die_with(parent: int) -> None:
    """Let the kernel kill this process when the thread that started it ends (Linux); exits at once if that has happened already."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def memory_events_file(pid: int | None = None, *, proc: Path = Path("/proc"), root: Path = Path("/sys/fs/cgroup")) -> Path | None:
    """Where the kernel counts out-of-memory kills of a process's cgroup (v2, else v1's memory controller); None when it cannot be told."""
    try:
        lines = (proc / (str(pid) if pid else "self") / "cgroup").read_text().splitlines()
    except OSError:
        return None
    for controllers, top, name in (("", root, "memory.events"), ("memory", root / "memory", "memory.oom_control")):
        for line in lines:
            _, owners, inside = line.strip().split(":", 2)
            if controllers not in owners.split(","):
                continue
            # in a container the cgroup namespace may hide the path: its own root is then the right place
            for folder in (top / inside.lstrip("/"), top):
                if (folder / name).is_file():
                    return folder / name
    return None


def oom_kills(events: Path | None) -> int:
    """How many processes of that cgroup the kernel has killed for want of memory; 0 when it cannot be told."""
    if events is None:
        return 0
    try:
        for line in events.read_text().splitlines():
            name, _, count = line.partition(" ")
            if name == "oom_kill":
                return int(count)
    except (OSError, ValueError):
        return 0
    return 0
