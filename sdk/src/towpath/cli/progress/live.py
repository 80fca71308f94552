"""Watch a run on a terminal: draws what the feed knows, and asks at Ctrl-C whether to leave the run or to cancel it.

The run never depends on its watcher: leaving, losing the connection, suspending with Ctrl-Z or a closed terminal change nothing for it.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from types import FrameType
from typing import TYPE_CHECKING, Any, TextIO

from towpath.cli.progress.feed import Feed
from towpath.cli.progress.screen import Screen
from towpath.cli.progress.view import Paper, draw
from towpath.cli.style import speaks_unicode, wants_color
from towpath_proto.errors import TowpathError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from towpath.client.client import Client

_TICK = 0.25
"""Seconds after which the times on the screen are drawn again."""
_IDLE = "Ctrl-C: leave or cancel"
_QUESTIONS = (
    "Leave it, and the run goes on (l), or cancel the run (c)? Any other key: watch on; Ctrl-C again: leave",
    "Leave it running (l), or cancel the run (c)? Other keys: watch on",
    "(l)eave it running  (c)ancel the run",
)
"""From the widest to the narrowest."""
_STOPPING = "Asked the run to stop; it has ten seconds to clean up. Ctrl-C: leave"


def can_show(out: TextIO | None = None) -> bool:
    """Whether there is a terminal that can be drawn on."""
    out = out or sys.stdout
    return out.isatty() and os.environ.get("TERM", "dumb") != "dumb" and sys.platform != "win32"


class Live:
    """One run on a terminal.

    Args:
        client: The API.
        flow_run_id: The run.
        screen: Where it is shown.
        now: This moment.
    """

    def __init__(
        self, client: Client, flow_run_id: str, *, screen: Screen | None = None, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._client = client
        self._id = flow_run_id
        self._screen = screen or Screen()
        self._now = now
        self._feed = Feed(client, flow_run_id, changed=self._wake)
        self._read, self._ring = os.pipe()
        os.set_blocking(self._ring, False)
        os.set_blocking(self._read, False)
        self._asking = False
        self._stopping = False
        self._left = False
        self._interrupts = 0
        self._suspended = False

    def watch(self) -> Mapping[str, Any] | None:
        """Show the run until it has ended; returns it, or None when the person has left.

        Raises:
            TowpathError: The run is not there, or may not be read or cancelled.
        """
        self._feed.start()
        try:
            with self._signals(), self._screen:
                while not self._over():
                    self._draw(_STOPPING if self._stopping else _IDLE)
                    self._wait()
                    self._answer()
                    if self._suspended:
                        self._sleep()
                self._draw("")
        finally:
            self._feed.stop()
            for descriptor in (self._read, self._ring):
                os.close(descriptor)
        if self._left:
            return None
        return self._feed.run

    def _over(self) -> bool:
        if self._feed.failure is not None:
            raise self._feed.failure
        return self._left or (self._feed.progress is not None and self._feed.progress.ended)

    def _draw(self, idle: str) -> None:
        progress = self._feed.progress
        columns, rows = self._screen.size()
        paper = Paper(columns, rows, wants_color(sys.stdout), speaks_unicode(sys.stdout))
        question = next((one for one in _QUESTIONS if len(one) < columns), _QUESTIONS[-1])
        footer = paper.bold(question) if self._asking else paper.dim(idle)
        if progress is None:
            self._screen.show([line[: max(1, columns - 1)] for line in (self._feed.trouble or "Reading the run ...", footer) if line])
            return
        self._screen.show(draw(replace(progress, trouble=self._feed.trouble), paper, self._now(), footer=footer))

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError, OSError):  # full: it will be read; closed: nobody watches any more
            os.write(self._ring, b".")

    def _wait(self) -> None:
        sources = [self._read] + ([self._screen.keys] if self._screen.keys is not None else [])
        ready, _, _ = select.select(sources, [], [], _TICK)
        if self._read in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(self._read, 4096)
        if self._screen.keys is not None and self._screen.keys in ready:
            self._key(os.read(self._screen.keys, 64))

    def _answer(self) -> None:
        """Act on Ctrl-C: the first one asks, if anybody can answer; the next one leaves."""
        if not self._interrupts:
            return
        again = self._interrupts > 1
        self._interrupts = 0
        if self._asking or again or self._screen.keys is None:
            self._left = True
        self._asking = True

    def _key(self, pressed: bytes) -> None:
        if not pressed:  # the terminal is gone
            self._left = True
            return
        if not self._asking:
            return
        self._asking = False
        match pressed[:1].lower():
            case b"l" | b"d" | b"q":
                self._left = True
            case b"c":
                self._stopping = True
                try:
                    self._client.cancel_flow_run(self._id)
                except TowpathError as e:
                    self._feed.failure = e

    def _sleep(self) -> None:
        """Ctrl-Z: give the terminal back and stop, as everybody does; go on when brought back to the front."""
        self._suspended = False
        self._screen.give_back()
        handler = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, handler)
        self._screen.take()

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        def interrupted(number: int, frame: FrameType | None) -> None:
            self._interrupts += 1
            self._wake()

        def resized(number: int, frame: FrameType | None) -> None:
            self._wake()

        def suspended(number: int, frame: FrameType | None) -> None:
            self._suspended = True
            self._wake()

        handlers = {signal.SIGINT: interrupted, signal.SIGWINCH: resized, signal.SIGTSTP: suspended}
        before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
