"""What an embedded server's process runs first: drop privileges, ask to be told of the parent's death, become the server.

A program of its own instead of a `preexec_fn`, because Python code between fork and exec is not safe in a process with threads. It
imports the standard library only and is run with `-I -S`, so it starts in some 15 ms.

Arguments: uid gid (-1: keep ours) parent-pid death-signal (0: none) program [arguments…]
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1
CANNOT_DROP = 97
"""Exit status when the account cannot be taken."""


def _main(argv: list[str]) -> None:
    uid, gid, parent, death_signal = (int(a) for a in argv[1:5])
    command = argv[5:]
    # Opened while we are still root: the account need not be able to reach it by its path.
    program: int | str = os.open(command[0], os.O_RDONLY) if os.execve in os.supports_fd else command[0]
    if isinstance(program, int):
        os.set_inheritable(program, False)
    os.umask(0o077)
    if uid >= 0:
        try:
            os.setgroups([])
            os.setgid(gid)
            os.setuid(uid)
        except OSError as e:
            sys.stderr.write(f"cannot become uid {uid}: {e}\n")
            os._exit(CANNOT_DROP)
    if death_signal and sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
        if os.getppid() != parent:  # it died before we asked
            os._exit(0)
    os.execve(program, command, os.environ)


if __name__ == "__main__":
    _main(sys.argv)
