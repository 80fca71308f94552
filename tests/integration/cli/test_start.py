"""The command as a process: how fast it starts and what it imports."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

TOWPATH = str(Path(sys.executable).parent / "towpath")


def test_help_imports_no_command_and_no_plugin():
    """`towpath --help` lists every command and imports neither a command's code, nor a plugin, nor the client, nor the engine."""
    program = (
        "import sys, json; from towpath.cli import main; main(['--help']); "
        "print(json.dumps([m for m in sys.modules if m.startswith(('towpath', 'urllib3', 'asyncio', 'dask', 'croniter', 'websockets'))]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    *shown, modules = done.stdout.splitlines()
    assert any(line.split()[:1] == ["server"] for line in shown)
    assert set(json.loads(modules)) <= {"towpath", "towpath.cli", "towpath.cli.app", "towpath_proto", "towpath_proto.errors"}


def test_help_is_quick():
    """The best of some starts takes no more than 180 ms."""
    best = 9.0
    for _ in range(8):
        began = time.perf_counter()
        subprocess.run([TOWPATH, "--help"], capture_output=True, check=True)
        best = min(best, time.perf_counter() - began)
    assert best <= 0.18


def test_a_reader_that_leaves_is_no_error():
    """Output into a pipe that is closed early ends quietly."""
    done = subprocess.run(f"{TOWPATH} config | head -1", shell=True, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("NAME")
    assert done.stderr == ""
