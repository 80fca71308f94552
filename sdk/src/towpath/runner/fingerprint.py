"""What a runner holds in memory, as a short text: an agent with other code or another API does not hand it runs."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import towpath
import towpath_proto
from towpath.client.settings import Settings


def fingerprint(settings: Settings) -> str:
    """A hash over interpreter, API address, home and the source files of towpath (their newest change)."""
    newest = 0
    for package in (towpath, towpath_proto):
        for folder in package.__path__:
            for file in Path(folder).rglob("*.py"):
                newest = max(newest, file.stat().st_mtime_ns)
    text = "\n".join([sys.executable, sys.version, settings.api_url, str(settings.home), towpath_proto.__version__, str(newest)])
    return hashlib.sha256(text.encode()).hexdigest()[:16]
