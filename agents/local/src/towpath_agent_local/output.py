"""Copies what runs print, from the runner's output file to this process's standard output, as it comes."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

_LOOK = 0.2


class OutputTail:
    """Follows a file that others append to, from its present end.

    Args:
        path: The file; it may be emptied while it is followed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stop = threading.Event()
        self._position = path.stat().st_size if path.exists() else 0
        self._thread = threading.Thread(target=self._follow, name="towpath-output-tail", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Copy what is there and stop."""
        self._stop.set()
        self._thread.join(timeout=2)

    def _follow(self) -> None:
        while not self._stop.wait(_LOOK):
            self._copy()
        self._copy()

    def _copy(self) -> None:
        try:
            with open(self._path, "rb") as f:
                size = os.fstat(f.fileno()).st_size
                if size < self._position:  # it was emptied
                    self._position = 0
                f.seek(self._position)
                data = f.read()
        except OSError:
            return
        if data:
            self._position += len(data)
            sys.stdout.write(data.decode(errors="replace"))
            sys.stdout.flush()
