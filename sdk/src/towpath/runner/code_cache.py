"""Flow code on this machine's disk, by its hash, so that the API need not send it for every run.

The directory is this user's only, and what is read from it counts for no more than what came over the network: its hash is computed and
its signature verified anew for every run. A cache that cannot be read or written is only slower.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

_KEPT = 300


class CodeCache:
    """The cache in one home directory."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "code"

    def known(self, flow_id: str | None) -> list[str]:
        """The hash of the code that this flow version had when it last ran here, if it is still here."""
        if not flow_id or "/" in flow_id:
            return []
        with contextlib.suppress(OSError):
            name = os.readlink(self._folder / f"flow-{flow_id}")
            if (self._folder / name).is_file():
                return [name]
        return []

    def read(self, code_hash: str) -> bytes | None:
        """The code of this hash, if it is here."""
        try:
            return (self._folder / code_hash).read_bytes()
        except OSError:
            return None

    def write(self, code_hash: str, blob: bytes, *, flow_id: str) -> None:
        """Keep the code of a flow version."""
        with contextlib.suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor, draft = tempfile.mkstemp(dir=self._folder)
            with os.fdopen(descriptor, "wb") as f:
                f.write(blob)
            os.replace(draft, self._folder / code_hash)
            link = self._folder / f"flow-{flow_id}"
            draft_link = f"{draft}.link"
            os.symlink(code_hash, draft_link)
            os.replace(draft_link, link)
            self._prune()

    def _prune(self) -> None:
        files = sorted(self._folder.iterdir(), key=lambda p: p.lstat().st_mtime, reverse=True)
        for old in files[2 * _KEPT :]:
            old.unlink(missing_ok=True)
