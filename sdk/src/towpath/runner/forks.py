"""Let what user code forks die of SIGTERM as any process does, although the run itself handles that signal.

A signal that reaches a fresh fork before its handlers are reset would be caught by the inherited handler and then forgotten: Python drops
pending signals after a fork. `multiprocessing.Pool.terminate` would wait for such a worker for ever. So SIGTERM is blocked around each
fork, and unblocked in the child only when its default is back: a signal in between stays pending and is not lost.
"""

from __future__ import annotations

import os
import signal
import threading

_masks = threading.local()


def _before() -> None:
    _masks.found = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})


def _in_parent() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, _masks.found)


def _in_child() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, _masks.found)


def keep_sigterm_for_this_process() -> None:
    """Call it once, in the process that handles SIGTERM."""
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
