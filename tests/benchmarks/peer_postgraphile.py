"""PostGraphile 5 as a process, for comparison: npm installs the versions of postgraphile/package.json into a folder that git ignores.

PostGraphile wants Node 22 or newer, whatever this machine has; npm brings the one named there.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from towpath_server.testing import free_port

_SOURCE = Path(__file__).parent / "postgraphile"
_CACHE = Path(__file__).parents[2] / ".cache" / "benchmarks" / "postgraphile"
_INSTALL_SECONDS, _START_SECONDS = 150, 30


class MissingPeerError(Exception):
    """PostGraphile cannot be installed or started here; the message says why."""


def install() -> Path:
    """The folder in which it is installed; done once for each set of versions.

    Raises:
        MissingPeerError: there is no npm, or npm failed.
    """
    wanted = (_SOURCE / "package.json").read_bytes()
    done = _CACHE / "package.installed.json"
    if not done.exists() or done.read_bytes() != wanted:
        shutil.rmtree(_CACHE, ignore_errors=True)
        _CACHE.mkdir(parents=True)
        (_CACHE / "package.json").write_bytes(wanted)
        command = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"]
        try:
            subprocess.run(command, cwd=_CACHE, check=True, capture_output=True, text=True, timeout=_INSTALL_SECONDS)
        except subprocess.CalledProcessError as e:
            raise MissingPeerError(f"npm install failed: {e.stderr.strip()[-500:]}") from e
        except (OSError, subprocess.TimeoutExpired) as e:
            raise MissingPeerError(f"npm install: {e}") from e
        done.write_bytes(wanted)
    shutil.copy(_SOURCE / "graphile.config.mjs", _CACHE)
    return _CACHE


@contextlib.contextmanager
def running(dsn: str, *, connections: int) -> Iterator[tuple[int, int]]:
    """PostGraphile on a database; its port and process id.

    Raises:
        MissingPeerError: it cannot be installed, or does not answer.
    """
    folder, port = install(), free_port()
    env = {
        **os.environ,
        "DATABASE_URL": dsn,
        "PORT": str(port),
        "POOL": str(connections),
        "GRAPHILE_ENV": "production",
        "NODE_ENV": "production",
    }
    command = [str(folder / "node_modules" / ".bin" / "node"), "node_modules/postgraphile/dist/cli-run.js", "-C", "graphile.config.mjs"]
    with (folder / "output.txt").open("wb") as output:
        try:
            process = subprocess.Popen(command, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        except OSError as e:
            raise MissingPeerError(f"it does not start: {e}") from e
    try:
        _wait(process, port, folder / "output.txt")
        yield port, process.pid
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], port: int, output: Path) -> None:
    request = urllib.request.Request(f"http://127.0.0.1:{port}/graphql", b'{"query":"{__typename}"}', {"content-type": "application/json"})
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError, urllib.error.URLError), urllib.request.urlopen(request, timeout=5):
            return
        time.sleep(0.05)
    raise MissingPeerError(f"it does not answer: {output.read_text(errors='replace')[-500:]}")


def say_missing(why: MissingPeerError) -> None:
    """Say loudly that the comparison was not made."""
    line = "!" * 100
    print(f"\n{line}\nPostGraphile is MISSING, so nothing was compared with it: {why}\n{line}", file=sys.stderr, flush=True)
