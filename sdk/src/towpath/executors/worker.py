"""The process that runs tasks for `LocalDaskExecutor(scheduler="processes")`: one call after the other, in its main thread.

So a time limit or an interrupt is a signal here and ends sleeps and reads too. It dies with the process that started it. Log records go by
datagrams, each written by one system call: nothing that interrupts a task can cut one in two, and what was logged before a process dies
is with the receiver already.
"""

from __future__ import annotations

import atexit
import os
import pickle
import signal
import socket
import sys
from multiprocessing.connection import Connection
from typing import Any, NoReturn

from towpath.errors import TowpathError
from towpath.executors.parcels import Received
from towpath.executors.pickling import packed
from towpath.log_relay import Message, RelayHandler, attach_relay, parts, relay_to
from towpath.processes import die_with

LONGEST_TEXT = 24_000
"""Characters of a log message that travel in one datagram; a longer one is logged in parts."""

RETURNED = b"v"
RAISED = b"e"
INTERRUPTED = b"i"


class Worker:
    """The loop of one worker.

    Args:
        calls: Where calls come from and answers go.
        logs: Where log records go.
    """

    def __init__(self, calls: Connection, logs: socket.socket) -> None:
        self._calls = calls
        self._logs = logs
        self._received = Received()
        self._running = False
        self._stopped = False

    def interrupt(self, *_: Any) -> None:
        """Handle SIGINT: end the task that runs, once, and begin no other."""
        self._stopped = True
        if self._running:
            self._running = False
            raise KeyboardInterrupt

    def tell(self, message: Message) -> None:
        """Send a log record or what is said of an artifact."""
        if "artifact" in message:
            for datagram in parts(message):
                self._logs.send(datagram)
        else:
            self._log(message)

    def _log(self, message: Message) -> None:
        text = message["msg"] if message["exc_text"] is None else f"{message['msg']}\n{message['exc_text']}"
        if len(text) <= LONGEST_TEXT:
            self._logs.send(pickle.dumps(message))
            return
        for begin in range(0, len(text), LONGEST_TEXT):
            self._logs.send(pickle.dumps({**message, "msg": text[begin : begin + LONGEST_TEXT], "exc_text": None}))

    def serve(self) -> None:
        """Answer calls until the other side is gone."""
        while True:
            try:
                head = self._calls.recv_bytes()
                answer, data = self._answer(*pickle.loads(head))
                self._calls.send_bytes(answer)
                self._calls.send_bytes(data)
            except (EOFError, OSError):
                return
            del head, answer, data  # not held while there is nothing to do

    def _answer(self, parcels: list[int], known: set[int], body: Any) -> tuple[bytes, bytes]:
        self._received.keep_only(known)
        for number in parcels:
            self._received.data[number] = self._calls.recv_bytes()
        fn, shared, arguments = body
        try:
            first = self._received.shared(shared)
            rest = [self._received.unwrap(argument) for argument in arguments]
            try:
                self._running = True
                if self._stopped:
                    raise KeyboardInterrupt
                value = fn(first, *rest)
                self._running = False
            except KeyboardInterrupt:
                self._running = False
                return INTERRUPTED, b""
            return RETURNED, packed(value, "what the task returned")
        except TowpathError as error:
            return RAISED, packed(error, "an error")
        except BaseException as error:
            self._running = False
            return RAISED, packed(error, "an error")


def main(calls: int, logs: int, parent: int, levels: tuple[int, int], early: list[int]) -> NoReturn:
    """Be a worker.

    Args:
        calls: Descriptor of the connection for calls.
        logs: Descriptor of the socket for log records.
        parent: The process to die with.
        levels: Levels of the root logger and of ours.
        early: Holds something if an interrupt has come before there was anybody to handle it.
    """
    worker = Worker(Connection(calls), socket.socket(fileno=logs))
    signal.signal(signal.SIGINT, worker.interrupt)
    if early:
        worker.interrupt()
    die_with(parent)
    relay_to.set(worker.tell)
    attach_relay(RelayHandler(worker.tell), levels)
    worker.serve()
    atexit._run_exitfuncs()  # the task's code may rely on them; os._exit does not call them
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            pass
    os._exit(0)  # threads that a task has left behind are not waited for
