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
#: Seconds that a script may take: each of its waits gives up before.
LONGEST = 900

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
    outcome = run_script(script, url, **env)
    failed = {name: check for name, check in outcome["checks"].items() if not check["ok"]}
    assert not failed, "\n".join(told(script, name, check) for name, check in failed.items())
    assert outcome["errors"] == []
    assert len(outcome["checks"]) == checks, list(outcome["checks"])
    found: dict[str, Any] = outcome["checks"]
    return found


def run_script(script: str, url: str, **env: str) -> dict[str, Any]:
    """Run a script of services/ui/e2e.

    Returns:
        What it printed.

    Raises:
        Failed: It printed nothing, or went on for longer than any machine needs: with what it said until then.
    """
    command = ["node", f"e2e/{script}.mjs"]
    given = {**os.environ, "TOWPATH_UI_URL": url, "TOWPATH_UI_CHROMIUM": CHROMIUM, **env}
    with subprocess.Popen(command, cwd=UI, env=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        try:
            printed, said = running.communicate(timeout=LONGEST)
        except subprocess.TimeoutExpired:
            running.terminate()
            printed, said = running.communicate()
            pytest.fail(f"{script} was not done after {LONGEST} s:\n{said}\n{printed}")
    if not printed:
        pytest.fail(f"{script} printed nothing and ended with {running.returncode}:\n{said}")
    outcome: dict[str, Any] = json.loads(printed)
    return outcome


def told(script: str, name: str, check: dict[str, Any]) -> str:
    """A failed check, with what its page looked like, for a log that is all that is left of it."""
    page = dict(check.get("page", {}))
    text = page.pop("text", "")
    lines = [
        f"{script}: {name} failed after {check.get('ms')} ms: {check['error']}",
        *(f"  {what}: {value}" for what, value in page.items()),
    ]
    return "\n".join([*lines, "  text of the page:", *(f"  | {line}" for line in str(text).splitlines())])
