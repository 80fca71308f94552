"""The states that the page knows are those of proto."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

UI = Path(__file__).resolve().parents[2] / "services" / "ui"


def test_the_generated_states_are_up_to_date() -> None:
    """`npm run generate` would write the file that is committed."""
    done = subprocess.run([sys.executable, UI / "scripts" / "generate_states.py", "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_lock_file_names_no_registry() -> None:
    """package-lock.json holds names, versions and checksums, and no address that a package was downloaded from."""
    assert '"resolved"' not in (UI / "package-lock.json").read_text(encoding="utf-8")
