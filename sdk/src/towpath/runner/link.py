"""How an agent reaches the runner of a directory: it finds the live one, or starts one.

The link reconnects by itself when it is used: a runner that ended for want of work is replaced. A runner that holds other code than this
process asks it for is told to retire: it takes no more launches and ends when its children have ended.

One thread reads what the runner says; requests come from any thread.
"""

from __future__ import annotations

import os
import queue
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from towpath.client.settings import Settings
from towpath.runner import place
from towpath.runner.fingerprint import fingerprint
from towpath.runner.launch import SECRETS, Launch
from towpath.runner.wire import Lines, Message, pack
from towpath_proto.errors import Code, TowpathError

_START_TIMEOUT = 20.0
_ANSWER_TIMEOUT = 10.0


class RunnerLink:
    """A link to the runner of `directory`.

    Args:
        directory: The runner's directory.
        settings: Given to a runner that has to be started.
        on_message: Called, in the reading thread, with what the runner says of its own accord (`stage`, `ended`).
        on_connect: Called with the runner's greeting after each connection.
        on_lost: Called when a connection ends.
    """

    def __init__(
        self,
        directory: Path,
        settings: Settings,
        *,
        on_message: Callable[[Message], None],
        on_connect: Callable[[Message], None] = lambda _: None,
        on_lost: Callable[[], None] = lambda: None,
    ) -> None:
        self._directory = directory
        self._settings = settings
        self._on_message = on_message
        self._on_connect = on_connect
        self._on_lost = on_lost
        self._guard = threading.RLock()
        self._socket: socket.socket | None = None
        self._answers: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._closed = False
        self.greeting: Message = {}

    # ------------------------------------------------------------------------------------------------------------------------- requests

    def launch(self, launch: Launch) -> Message:
        """Ask for a run's process; asking again for the same run and fence changes nothing.

        Returns:
            `{"op": "launched", "pid", "stage"}` or `{"op": "refused", "reason"}`.

        Raises:
            TowpathError: `UNAVAILABLE` when no runner can be had.
        """
        return self._ask({"op": "launch", **launch.to_message()})

    def cancel(self, flow_run_id: str, fence: int, *, reason: str, fenced: bool = False) -> None:
        """Ask to stop a run's process; nothing happens when it is gone."""
        self._tell({"op": "cancel", "flow_run_id": flow_run_id, "fence": fence, "reason": reason, "fenced": fenced})

    def renew_soon(self) -> None:
        """Ask to renew the leases now."""
        self._tell({"op": "renew"})

    def _tell(self, message: Message) -> None:
        with self._guard:
            if self._socket is not None:
                try:
                    self._socket.sendall(pack(message))
                except OSError:
                    self._disconnect(self._socket)

    def connect(self) -> Message:
        """Make sure that there is a live runner; returns its greeting."""
        with self._guard:
            if self._socket is None:
                self._connect()
            return self.greeting

    def close(self) -> None:
        """Leave the runner alone; its runs go on."""
        with self._guard:
            self._closed = True
            if self._socket is not None:
                self._disconnect(self._socket)

    def _ask(self, message: Message) -> Message:
        with self._guard:
            for _ in range(2):
                self.connect()
                assert self._socket is not None
                try:
                    self._socket.sendall(pack(message))
                    answer = self._answers.get(timeout=_ANSWER_TIMEOUT)
                except (OSError, queue.Empty):
                    answer = None
                if answer is not None:
                    return answer
                # the runner ended under us, for instance for want of work: one more try with another, a launch may be repeated
                if self._socket is not None:
                    self._disconnect(self._socket)
        raise TowpathError(Code.UNAVAILABLE, f"The runner of {self._directory} does not answer; see {self._directory / place.OUTPUT}.")

    # ----------------------------------------------------------------------------------------------------------------------- connection

    def _connect(self) -> None:
        place.prepare(self._directory)
        give_up = time.monotonic() + _START_TIMEOUT
        wanted: str | None = fingerprint(self._settings)
        while True:
            try:
                connection = place.connect(self._directory)
            except OSError:
                if self._start():
                    wanted = None  # what was started just now holds what is on the disk now, whatever changes meanwhile
            else:
                if self._greet(connection, wanted):
                    return
            if time.monotonic() > give_up:
                output = self._directory / place.OUTPUT
                raise TowpathError(Code.UNAVAILABLE, f"The runner of {self._directory} cannot be started; see {output}.")

    def _greet(self, connection: socket.socket, wanted: str | None) -> bool:
        """Whether this runner can be used; one that holds other code than `wanted` is told to retire."""
        lines = Lines()
        env = {k: v for k, v in os.environ.items() if k not in SECRETS}
        try:
            connection.settimeout(_ANSWER_TIMEOUT)
            connection.sendall(pack({"op": "hello", "token": self._settings.token, "env": env}))
            greeting = _next(connection, lines)
            if wanted is not None and greeting["fingerprint"] != wanted:
                connection.sendall(pack({"op": "retire"}))
                while _next(connection, lines)["op"] != "retired":
                    pass
                connection.close()
                return False
            connection.settimeout(None)
        except (OSError, ValueError, KeyError):
            connection.close()
            return False
        self.greeting = greeting
        self._socket = connection
        self._answers = queue.SimpleQueue()
        reader = threading.Thread(target=self._read, args=(connection, lines, self._answers), name="towpath-runner-link", daemon=True)
        reader.start()
        self._on_connect(greeting)
        return True

    def _start(self) -> bool:
        """Start a runner; False when it did not come up, as when another one was first."""
        read, write = os.pipe()
        try:
            env = {**os.environ, "TOWPATH_API_URL": self._settings.api_url, "TOWPATH_HOME": str(self._settings.home)}
            if self._settings.token:
                env["TOWPATH_API_KEY"] = self._settings.token
            output = os.open(self._directory / place.OUTPUT, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                starter = subprocess.Popen(
                    [sys.executable, "-m", "towpath.runner", str(self._directory), str(write)],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    env=env,
                    pass_fds=(write,),
                    start_new_session=True,
                )
                starter.wait()  # it forks and is gone at once
            finally:
                os.close(output)
            os.close(write)
            write = -1
            # a byte: the socket is open; the end of the pipe: another runner was first, or this one failed
            ready, _, _ = select.select([read], [], [], _START_TIMEOUT)
            if ready and os.read(read, 1):
                return True
            time.sleep(0.05)
            return False
        finally:
            os.close(read)
            if write >= 0:
                os.close(write)

    def _disconnect(self, connection: socket.socket) -> None:
        with self._guard:
            if self._socket is connection:
                self._socket = None
                self._answers.put(None)
        try:
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def _read(self, connection: socket.socket, lines: Lines, answers: queue.SimpleQueue[Any]) -> None:
        try:
            while data := connection.recv(65536):
                for message in lines.feed(data):
                    if message.get("op") in ("launched", "refused"):
                        answers.put(message)
                    else:
                        self._on_message(message)
        except (OSError, ValueError):
            pass
        answers.put(None)
        # not `_disconnect`: a request that waits for an answer holds the guard
        if self._socket is connection:
            self._socket = None
        connection.close()
        if not self._closed:
            self._on_lost()


def _next(connection: socket.socket, lines: Lines) -> Message:
    while True:
        data = connection.recv(65536)
        if not data:
            raise ConnectionResetError
        for message in lines.feed(data):
            if message.get("op") in ("hello", "retired"):
                return message
