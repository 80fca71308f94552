"""A real backend for tests: `towpath server` as a child process on a directory and a port of its own.

For our tests and for those of people who build on Towpath. Nothing is faked: PostgreSQL, NATS and every service run. It is meant to be
killed, stopped and started again on the same data.
"""

from __future__ import annotations

import json
import os
import queue
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from towpath_server.embedded.account import server_account
from towpath_server.embedded.directory import socket_directory

START_TIMEOUT = 240.0


def free_port() -> int:
    """A loopback port that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Backend:
    """A backend process.

    Args:
        directory: Where its data are; by default a temporary directory that is removed at the end.
        processes: One process per service.
        env: Further environment.
        arguments: Further options of `towpath server start`.
    """

    def __init__(
        self,
        directory: Path | None = None,
        *,
        processes: bool = False,
        env: dict[str, str] | None = None,
        arguments: Sequence[str] = (),
    ) -> None:
        self._temporary = directory is None
        if directory is None:
            directory = Path(tempfile.mkdtemp(prefix="towpath-backend-"))
            directory.chmod(0o755)  # the account that PostgreSQL runs as must get through
        self.directory = directory
        self.port = free_port()
        self._arguments = [
            "start",
            "--port",
            str(self.port),
            "--data-dir",
            str(directory),
            *(["--processes"] if processes else []),
            *arguments,
        ]
        self._env = env or {}
        self._process: subprocess.Popen[str] | None = None
        self.output: list[str] = []

    @property
    def url(self) -> str:
        """The one URL."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The process id of the server."""
        assert self._process is not None, "the backend has not been started"
        return self._process.pid

    @property
    def dsn(self) -> str:
        """The address of its database while it runs, for tests that lay hands on the data behind its back."""
        sockets = socket_directory((self.directory / "postgres").resolve(), server_account())
        return f"postgresql://towpath@/towpath?host={quote(str(sockets), safe='/')}&port=5432"

    def start(self) -> Self:
        """Start it and return when it says that it is ready."""
        env = {k: v for k, v in os.environ.items() if not k.startswith("TOWPATH_")} | self._env
        self._process = subprocess.Popen(
            [sys.executable, "-m", "towpath_server", *self._arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            env=env,
        )
        # A queue for each start: the reader of a killed process may still be at work, and its last word is not this process's.
        lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, args=(self._process, lines), daemon=True).start()
        while True:
            line = lines.get(timeout=START_TIMEOUT)
            if line is None:
                self.wait()
                raise RuntimeError("the backend ended before it was ready:\n" + "".join(self.output[-50:]))
            if "is ready at" in line:
                return self

    def _read(self, process: subprocess.Popen[str], lines: queue.Queue[str | None]) -> None:
        assert process.stdout is not None
        with process.stdout as stream:
            for line in stream:
                self.output.append(line)
                lines.put(line)
        lines.put(None)

    def wait(self, timeout: float = 30.0) -> int:
        """Wait until it ends for a reason of its own; its exit status."""
        return self._end(None, timeout)

    def stop(self, timeout: float = 30.0) -> int:
        """Stop it in an orderly way; its exit status."""
        return self._end(signal.SIGTERM, timeout)

    def kill(self) -> int:
        """Kill the server process at once; PostgreSQL and NATS go with it."""
        return self._end(signal.SIGKILL, 30.0)

    def _end(self, number: signal.Signals | None, timeout: float) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        if number is not None:
            process.send_signal(number)
        try:
            return process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise

    def close(self) -> None:
        """Stop it and remove a temporary directory."""
        try:
            self.stop()
        finally:
            if self._temporary:
                shutil.rmtree(self.directory, ignore_errors=True)

    def graphql(self, document: str, **variables: Any) -> dict[str, Any]:
        """The `data` of a document; an error in the answer is raised as RuntimeError."""
        body = json.dumps({"query": document, "variables": variables}).encode()
        request = urllib.request.Request(f"{self.url}/graphql", body, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as response:
            answer: dict[str, Any] = json.loads(response.read())
        if answer.get("errors"):
            raise RuntimeError(f"{answer['errors']}")
        data: dict[str, Any] = answer["data"]
        return data

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
