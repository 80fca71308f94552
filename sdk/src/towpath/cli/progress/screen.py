"""Puts frames on a terminal, in place: only lines that differ are written, in one write, so that nothing flickers.

The frame lies in the normal screen at the cursor, and what was printed before stays above it. When the terminal changes its size, lines
of the last frame may have been wrapped by it; their new height is computed, and the frame is drawn afresh. The terminal's settings and its
cursor are given back in every case.
"""

from __future__ import annotations

import os
import shutil
import sys
import termios
import tty
from collections.abc import Sequence
from types import TracebackType
from typing import Any, TextIO

from towpath.cli.style import width

_HIDE, _SHOW = "\x1b[?25l", "\x1b[?25h"
_BEGIN, _END = "\x1b[?2026h", "\x1b[?2026l"  # terminals that know it show the frame at once, others ignore it


class Screen:
    """A region of a terminal that is drawn again and again. A context manager.

    Args:
        out: The terminal.
        keys: Where keys are read; None or something that is no terminal means that there are none.
    """

    def __init__(self, out: TextIO | None = None, keys: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        keys = sys.stdin if keys is None else keys
        self.keys: int | None = keys.fileno() if keys is not None and keys.isatty() else None
        self._saved: list[Any] | None = None
        self._shown: list[str] = []
        self._columns = 0

    def size(self) -> tuple[int, int]:
        """Columns and rows now."""
        try:
            found = os.get_terminal_size(self._out.fileno())
        except OSError:
            found = shutil.get_terminal_size()
        return (found.columns or 80, found.lines or 24)

    def __enter__(self) -> Screen:
        self.take()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.give_back()

    def take(self) -> None:
        """Hide the cursor; read keys one by one, unseen."""
        if self.keys is not None:
            self._saved = termios.tcgetattr(self.keys)
            tty.setcbreak(self.keys, termios.TCSADRAIN)
        self._write(_HIDE)

    def give_back(self) -> None:
        """Give the terminal back as it was, the cursor below the last frame."""
        self._write(("\r\n" if self._shown else "") + _SHOW)
        self._shown = []
        if self.keys is not None and self._saved is not None:
            termios.tcsetattr(self.keys, termios.TCSADRAIN, self._saved)
            self._saved = None

    def show(self, lines: Sequence[str]) -> None:
        """Draw a frame in place of the last one."""
        columns, rows = self.size()
        parts: list[str] = []
        if self._shown and columns != self._columns:
            height = sum(max(1, -(-width(line) // columns)) for line in self._shown)
            parts.append(_up(min(height, rows) - 1) + "\r\x1b[J")
            self._shown = []
        elif self._shown:
            parts.append(_up(len(self._shown) - 1) + "\r")
        self._columns = columns
        parts.append(_difference(self._shown, lines))
        self._shown = list(lines)
        self._write(_BEGIN + "".join(parts) + _END)

    def forget(self) -> None:
        """The next frame is drawn whole, below whatever is on the screen now."""
        self._shown = []

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()


def _up(lines: int) -> str:
    return f"\x1b[{lines}A" if lines > 0 else ""


def _difference(old: Sequence[str], new: Sequence[str]) -> str:
    """What turns the old frame into the new one; the cursor stands at the start of the first line, and ends in the last one."""
    out: list[str] = []
    for i, line in enumerate(new):
        if i:
            out.append("\r\n")
        if i >= len(old) or old[i] != line:
            out.append(f"{line}\x1b[K")
    if len(old) > len(new):
        out.append("\r\n\x1b[J" + _up(1) if new else "\x1b[J")
    return "".join(out)
