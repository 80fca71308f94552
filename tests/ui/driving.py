"""Starts the scripts of services/ui/e2e, which drive a real Chromium, and judges what they saw."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

UI = Path(__file__).resolve().parents[2] / "services" / "ui"
CHROMIUM = os.environ.get("TOWPATH_UI_CHROMIUM", "/usr/bin/chromium")

needs_browser = [
    pytest.mark.ui,
    pytest.mark.skipif(shutil.which("node") is None, reason="needs Node 20"),
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="needs Chromium (apt-get install chromium, or TOWPATH_UI_CHROMIUM)"),
]


def drive(script: str, url: str, checks: int, **env: str) -> dict[str, Any]:
    """Run a script of services/ui/e2e; each of its checks must hold, and there must be as many as expected.

    Returns:
        What the script saw, by check.
    """
    built = UI.parent / "gateway" / "src" / "towpath_gateway" / "static" / "index.html"
    assert built.is_file(), "build the page first: npm ci && npm run build in services/ui"
    done = subprocess.run(
        ["node", f"e2e/{script}.mjs"],
        cwd=UI,
        env={**os.environ, "TOWPATH_UI_URL": url, "TOWPATH_UI_CHROMIUM": CHROMIUM, **env},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.stdout, done.stderr
    seen = json.loads(done.stdout)
    failed = {name: check for name, check in seen["checks"].items() if not check["ok"]}
    assert not failed, failed
    assert seen["errors"] == []
    assert len(seen["checks"]) == checks, list(seen["checks"])
    found: dict[str, Any] = seen["checks"]
    return found
