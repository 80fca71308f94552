"""Clusters of `dask_kubernetes` and `dask_cloudprovider`, in an environment of their own: they bring much that nothing here needs.

What makes them real: the API server of tests/kubernetes with the operator of `dask_kubernetes`, and moto's server. What stands in for pods
and tasks are processes of this machine, so a cluster comes up and runs a flow.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.ecs.conftest import moto  # noqa: F401  (fixture)
from tests.kubernetes.conftest import cluster  # noqa: F401  (fixture)

ROOT = Path(__file__).resolve().parents[2]
PYTHON = Path(os.environ.get("TOWPATH_DASK_PYTHON") or ROOT / ".cache" / "dask-venv" / "bin" / "python")
PATIENCE = 600.0
"""Seconds for a run: long, for the machine may be slow and busy."""

NAMES = """
import socket
_answer = socket.getaddrinfo

def getaddrinfo(host, *more, **options):
    return _answer("127.0.0.1" if isinstance(host, str) and "-scheduler." in host else host, *more, **options)

socket.getaddrinfo = getaddrinfo
"""
"""The name service of a cluster, in each process of ours: a service of a scheduler is on this machine."""

PATIENT = {"DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "600s"}
"""Variables with which Dask waits as long."""

PROGRAM = """
import json, os, sys, time
from towpath import Flow, get_logger, task
from towpath.executors import DaskExecutor

@task
def where(x):
    if os.environ.get("PLACE") == "hold":
        get_logger().info("HOLDING")
        time.sleep(3600)
    return x * x, os.environ.get("PLACE")

with Flow("where") as flow:
    children = where.map([0, 1, 2, 3])

if __name__ == "__main__":
    state = flow.run(executor=DaskExecutor(**json.loads(sys.argv[1])))
    mapped = (state.result or {}).get(children)
    results = mapped.result if state.is_successful() else None
    print("ENDED " + json.dumps([state.kind, str(state.message), results]), flush=True)
"""


@dataclass
class Ended:
    """How a flow run ended: kind and message of its state, results of its tasks, all that was printed."""

    kind: str
    message: str
    results: Any
    output: str


class Running:
    """A flow run in a process of the environment that has the clusters' packages.

    Args:
        folder: Where it is.
        env: Its environment.
        executor: Arguments of its DaskExecutor.
    """

    def __init__(self, folder: Path, env: dict[str, str], executor: dict[str, Any]) -> None:
        script = folder / "flow.py"
        script.write_text(PROGRAM)
        command = [PYTHON, script, json.dumps(executor)]
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("TOWPATH_", "AWS_"))}
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            env=kept | PATIENT | env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            self._lines.extend(lines)

    def said(self, words: str) -> bool:
        """Whether it has printed this; fails when it has ended without."""
        found = any(words in line for line in list(self._lines))
        assert found or self._process.poll() is None, "".join(self._lines)
        return found

    def cancel(self) -> None:
        """Press Ctrl-C."""
        self._process.send_signal(signal.SIGINT)

    def ended(self) -> Ended:
        """How it ended; waits for it."""
        try:
            self._process.wait(PATIENCE)
        finally:
            self.close()
        output = "".join(self._lines)
        last = next((line for line in reversed(self._lines) if line.startswith("ENDED ")), None)
        assert last is not None, output
        return Ended(*json.loads(last.removeprefix("ENDED ")), output)

    def close(self) -> None:
        """End it if it runs."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._reader.join()


Run = Callable[..., Running]


@pytest.fixture(scope="session", autouse=True)
def packages() -> None:
    """The environment is there."""
    if not PYTHON.exists():
        pytest.exit(f"{PYTHON} is not there; `make test-dask` installs it", 1)
    # roles of dask_cloudprovider have AWS's own policies, which moto knows only when it is told so before it starts
    os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"


@pytest.fixture(scope="session")
def names(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A PYTHONPATH with which names of schedulers' services have an address."""
    folder = tmp_path_factory.mktemp("names")
    (folder / "sitecustomize.py").write_text(NAMES)
    return str(folder)


@pytest.fixture(scope="session")
def commands(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A PATH with Dask's commands as the image of deploy/docker/dask.Dockerfile has them."""
    folder = tmp_path_factory.mktemp("commands")
    for each in ("scheduler", "worker"):
        script = folder / f"dask-{each}"
        script.write_text(f'#!/bin/sh\nexec dask {each} "$@"\n')
        script.chmod(0o755)
    return f"{folder}:{PYTHON.parent}:/usr/bin:/bin"


@pytest.fixture
def run(tmp_path: Path) -> Any:
    """`run(env, **executor)` starts a flow run with this `DaskExecutor`."""
    begun: list[Running] = []

    def start(env: dict[str, str], **executor: Any) -> Running:
        begun.append(Running(tmp_path, env, executor))
        return begun[-1]

    yield start
    for one in begun:
        one.close()
