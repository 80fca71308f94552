"""Stops Python code from outside: by a signal in the main thread, by an asynchronous exception in any other.

A signal also ends blocking system calls; an asynchronous exception is seen only between two bytecodes, so a thread inside a long call in C
goes on until that call returns.
"""

from __future__ import annotations

import logging
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


def raise_in_thread(thread: int, error: type[BaseException] | None) -> None:
    """Raise `error` in another thread, as soon as it runs bytecode again; None takes back one that has not been raised yet."""
    import ctypes

    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(error) if error else None)


PATIENCE = 1.0
"""Longest wait, in seconds, for a thread to be done with a log record."""


def raise_between_records(thread: int, error: type[BaseException]) -> None:
    """Raise `error` in another thread, but not while it logs.

    A handler takes its lock a few bytecodes before it sees to its release. An error raised in between leaves the lock to a thread
    that never gives it back, and whoever logs next waits for ever.
    """
    end = time.monotonic() + PATIENCE
    while _logs(thread) and time.monotonic() < end:
        time.sleep(0.001)
    raise_in_thread(thread, error)


def _logs(thread: int) -> bool:
    frame = sys._current_frames().get(thread)
    while frame is not None:
        if frame.f_code.co_filename == logging.__file__:
            return True
        frame = frame.f_back
    return False


def interrupt_thread(thread: int) -> None:
    """Raise KeyboardInterrupt in a thread; in the main thread by SIGINT, so that a sleep or a read ends too."""
    if thread == threading.main_thread().ident and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.pthread_kill(thread, signal.SIGINT)
    else:
        raise_between_records(thread, KeyboardInterrupt)


class Interruptible:
    """Runs functions in threads that are not ours, so that all can be interrupted, each of them once."""

    def __init__(self) -> None:
        self._busy: set[int] = set()
        self._interrupted = False
        self._lock = threading.Lock()

    def run(self, fn: Callable[..., Any], *args: Any) -> Any:
        """Run `fn(*args)` in this thread.

        Raises:
            KeyboardInterrupt: It was interrupted, or is not to begin.
        """
        thread = threading.get_ident()
        with self._lock:
            if self._interrupted:  # submitted before the interrupt, begun after it
                raise KeyboardInterrupt
            self._busy.add(thread)
        try:
            return fn(*args)
        finally:
            with self._lock:
                # An interrupt that arrives now must not hit the pool's own code: it would leave a future that never ends.
                self._busy.discard(thread)
                raise_in_thread(thread, None)

    def interrupt(self) -> None:
        """Raise KeyboardInterrupt, once, in the threads that run something; a blocking call in C ends first."""
        with self._lock:
            self._interrupted = True
            for thread in self._busy:
                raise_between_records(thread, KeyboardInterrupt)
            self._busy.clear()


class TooLong(BaseException):
    """A time limit has passed. No `Exception`, so that user code does not swallow it."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise `TooLong` inside the block once `seconds` have passed."""
    if threading.current_thread() is threading.main_thread():
        yield from _by_signal(seconds)
    else:
        yield from _by_thread(seconds)


def _by_signal(seconds: float) -> Iterator[None]:
    def expire(*_: Any) -> None:
        raise TooLong

    before = signal.signal(signal.SIGALRM, expire)
    outer, _ = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, outer)
        signal.signal(signal.SIGALRM, before)


def _by_thread(seconds: float) -> Iterator[None]:
    lock = threading.Lock()
    target = threading.get_ident()
    over = False

    def expire() -> None:
        with lock:
            if not over:
                raise_between_records(target, TooLong)

    timer = threading.Timer(seconds, expire)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        with lock:
            over = True
        timer.cancel()
        raise_in_thread(target, None)
