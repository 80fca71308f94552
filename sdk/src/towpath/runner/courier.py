"""The runner's messenger to the API: a small process of its own, so that the zygote never waits for a network.

The zygote writes requests to it and reads answers, over a socket pair; the courier sends one at a time, once, with a short time limit,
and says how it went. Whether and when to send again is the zygote's decision. A hung API can only delay the courier. It holds no state:
if it dies the zygote forks another and sends again.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from towpath.client.settings import Settings
from towpath.processes import die_with
from towpath.runner.wire import Lines, Message, pack
from towpath_proto.errors import TowpathError

REQUEST_TIMEOUT = 3.0
"""Seconds for one request: well below the lease, so that a lost answer leaves time for another try."""
_SILENT = 12.0
"""Seconds without an answer after which a courier counts as stuck."""


class Courier:
    """The zygote's side: sends requests and calls back with the answers.

    Args:
        settings: How to reach the API.
        selector: The zygote's; its data are functions of the ready events.
    """

    def __init__(self, settings: Settings, selector: selectors.BaseSelector) -> None:
        self._settings = settings
        self._selector = selector
        self._calls: dict[int, tuple[Callable[[Message], None], float]] = {}
        self._number = 0
        self._pid = 0
        self._channel: socket.socket | None = None
        self._lines = Lines()

    def send(self, query: str, variables: dict[str, Any], then: Callable[[Message], None]) -> None:
        """Send a document; `then` gets `{"data"}` or `{"error": {code, message}}` later, exactly once."""
        if self._channel is None:
            self._pid, self._channel = _start(self._settings)
            self._lines = Lines()
            self._selector.register(self._channel, selectors.EVENT_READ, lambda _: self._receive())
        self._number += 1
        self._calls[self._number] = (then, time.monotonic())
        self._write({"id": self._number, "query": query, "variables": variables})

    def renew_token(self, token: str) -> None:
        """Use this token from now on."""
        if token == self._settings.token:
            return
        self._settings = replace(self._settings, token=token)
        if self._channel is not None:
            self._write({"token": token})

    def next_due(self) -> float | None:
        """When `check` has something to do (monotonic); None for never."""
        return self._oldest() + _SILENT if self._calls else None

    def check(self) -> None:
        """End a courier that has not answered for too long; its calls are answered with an error."""
        if self._calls and time.monotonic() >= self._oldest() + _SILENT:
            self._kill()

    def died(self, pid: int) -> None:
        """Take note that this process has ended."""
        if pid != self._pid:
            return
        self._pid = 0
        if self._channel is not None:
            self._selector.unregister(self._channel)
            self._channel.close()
            self._channel = None
        calls, self._calls = self._calls, {}
        for then, _ in calls.values():
            then({"error": {"code": "UNREACHABLE", "message": "the courier process was lost"}})

    def _oldest(self) -> float:
        return min(sent for _, sent in self._calls.values())

    def _kill(self) -> None:
        if self._pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)

    def _write(self, message: Message) -> None:
        assert self._channel is not None
        try:
            # a few small requests are under way at most, far below what the pair buffers, so this does not wait
            self._channel.settimeout(1.0)
            self._channel.sendall(pack(message))
            self._channel.setblocking(False)
        except OSError:
            self._kill()

    def _receive(self) -> None:
        if self._channel is None:
            return
        try:
            data = self._channel.recv(1 << 20)
            if not data:
                raise ConnectionResetError
            for answer in self._lines.feed(data):
                then, _ = self._calls.pop(int(answer["id"]), (None, 0.0))
                if then is not None:
                    then(answer)
        except BlockingIOError:
            return
        except (OSError, ValueError):
            self._selector.unregister(self._channel)
            self._channel.close()
            self._channel = None
            self._kill()


def _start(settings: Settings) -> tuple[int, socket.socket]:
    """Fork the courier; returns its process id and the zygote's end of the pair."""
    ours, theirs = socket.socketpair()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            die_with(parent)
            signal.set_wakeup_fd(-1)
            # the zygote decides when the courier ends: a Ctrl-C in the terminal is not for it
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            kept = theirs.fileno()
            os.closerange(3, kept)
            os.closerange(kept + 1, os.sysconf("SC_OPEN_MAX"))
            status = _serve(theirs, settings)
        finally:
            os._exit(status)
    theirs.close()
    ours.setblocking(False)
    return pid, ours


def _serve(channel: socket.socket, settings: Settings) -> int:
    from towpath.client.client import Client

    client = Client(settings=settings)
    lines = Lines()
    channel.setblocking(True)
    while data := channel.recv(65536):
        for message in lines.feed(data):
            if "token" in message:
                client.close()
                client = Client(settings=replace(settings, token=message["token"]))
            else:
                channel.sendall(pack(_answer(client, message)))
    return 0


def _answer(client: Any, message: Message) -> Message:
    answer: Message = {"id": message["id"]}
    try:
        answer["data"] = client.graphql(message["query"], message["variables"], timeout=REQUEST_TIMEOUT, patience=0)
    except TowpathError as e:
        answer["error"] = {"code": str(e.code), "message": e.message}
    except Exception as e:  # whatever it is, the zygote must get an answer
        answer["error"] = {"code": "INTERNAL", "message": f"{type(e).__name__}: {e}"}
    return answer
