"""`make demo`: the main job, from nothing to a result, on this machine.

Starts the backend, registers every example of sdk/examples, starts a local agent, runs each flow through it, prints what happened and
where to look, and stays up until Ctrl-C. With --once it stops after the result; the exit status says whether every run succeeded.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
# the flow of flows last: its children are runs of the others
EXAMPLES = sorted((ROOT / "sdk/examples").glob("*.py"), key=lambda path: (path.stem == "flow_of_flows", path.stem))
AGAIN = "package-index"
"""Run twice: the second run takes from the cache what has not changed."""
TOWPATH = [str(Path(sys.executable).parent / "towpath")]


def say(text: str) -> None:
    """Print a headline."""
    print(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n== {text}", flush=True)


@contextmanager
def places(*, once: bool) -> Iterator[tuple[Path, dict[str, str]]]:
    """The backend's folder, and what the user's environment gets: kept for the next time, or with `once` thrown away at the end."""
    if not once:
        # root's home is closed to the account that PostgreSQL runs as
        yield Path("/var/lib/towpath-demo") if os.geteuid() == 0 else Path.home() / ".towpath" / "demo", {}
        return
    folder = Path(tempfile.mkdtemp(prefix="towpath-demo-"))
    folder.chmod(0o755)
    try:
        yield folder / "data", {"TOWPATH_HOME": str(folder / "home"), "TOWPATH_RUNNER_IDLE": "0.2"}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def choose_port(wanted: int) -> int:
    """The wanted port, or a free one when another program has it."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise SystemExit("towpath demo: no port is free")


@contextmanager
def child(command: list[str], env: dict[str, str], ready: str | None = None) -> Iterator[subprocess.Popen[str]]:
    """A child process whose output is ours; waits for a line that contains `ready`."""
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True)
    seen = threading.Event()

    def pass_on() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            if ready is not None and ready in line:
                seen.set()
        seen.set()

    reader = threading.Thread(target=pass_on, daemon=True)
    reader.start()
    try:
        if ready is not None:
            seen.wait(120)
            if process.poll() is not None:
                raise SystemExit(process.returncode or 1)
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(40)
        reader.join(5)


def run(command: list[str], env: dict[str, str]) -> int:
    """Run a `towpath` command in the open; its exit status."""
    print("$ towpath " + " ".join(command), flush=True)
    return subprocess.run([*TOWPATH, *command], env=env, check=False).returncode


def ask(command: list[str], env: dict[str, str]) -> list[dict[str, Any]]:
    """What a `towpath` command says as JSON."""
    answer = subprocess.run([*TOWPATH, *command, "--json"], env=env, check=False, stdout=subprocess.PIPE, text=True)
    if answer.returncode:
        raise SystemExit(f"towpath demo: `towpath {' '.join(command)}` failed")
    found: list[dict[str, Any]] = json.loads(answer.stdout)
    return found


def register(env: dict[str, str]) -> list[str]:
    """Register every example; the names of the flows."""
    paths = [word for path in EXAMPLES for word in ("--path", str(path.relative_to(ROOT)))]
    print("$ towpath register " + " ".join(paths), flush=True)
    rows = ask(["register", *paths, "--no-schedule"], env)
    for row in rows:
        print(f"  {row['name']}: version {row['version']}")
    return [row["name"] for row in rows]


def tell(names: list[str], env: dict[str, str], url: str) -> None:
    """A line for each run that there was, children included, newest last."""
    for row in reversed(ask(["get", "flow-runs", "--limit", "50"], env)):
        if row["flow"]["name"] in names and row["start_time"] and row["end_time"]:
            began, ended = (datetime.fromisoformat(row[end]) for end in ("start_time", "end_time"))
            took = f"{(ended - began).total_seconds():.1f} s"
            print(f"  {row['flow']['name']:<16} {row['name']:<22} {row['state']:<10} {took:>7}  {url}/run/{row['id']}", flush=True)


def main() -> int:
    """Do it all; 0 when every run succeeded."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--once", action="store_true", help="stop after the result")
    parser.add_argument("--port", type=int, default=int(os.environ.get("TOWPATH_PORT", "4200")))
    options = parser.parse_args()
    began = time.monotonic()
    port = choose_port(options.port)
    url = f"http://127.0.0.1:{port}"
    os.chdir(ROOT)

    say("1. The backend: PostgreSQL, NATS and every service")
    with places(once=options.once) as (folder, more):
        env = {**os.environ, "TOWPATH_API_URL": url, "PYTHONUNBUFFERED": "1", **more}
        with child([*TOWPATH, "server", "start", "--port", str(port), "--data-dir", str(folder)], env, ready="is ready at"):
            say("2. The example flows, registered")
            names = register(env)
            say("3. An agent on this machine, woken by events")
            with child([*TOWPATH, "agent", "local", "start", "--name", "demo"], env, ready=" registered at "):
                say("4. A run of each, through the agent")
                wanted = [again for name in names for again in ((name, name) if name == AGAIN else (name,))]
                failed = [name for name in wanted if run(["run", "--name", name, "--watch"], env)]
                say("5. What happened")
                tell(names, env, url)
                say(f"{'All runs succeeded' if not failed else 'Failed: ' + ', '.join(failed)} after {time.monotonic() - began:.1f} s.")
                if not options.once:
                    stay_up(url)
    return 1 if failed else 0


def stay_up(url: str) -> None:
    """Until Ctrl-C."""
    print(f"Look at {url} . Run again with: TOWPATH_API_URL={url} towpath run --name time-zones --watch . Ctrl-C stops all.")
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
    try:
        signal.pause()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    sys.exit(main())
