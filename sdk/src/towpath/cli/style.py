"""What a terminal can show: colours, glyphs, the width of a text. Pure functions of text and environment; it prints nothing."""

from __future__ import annotations

import os
import re
import sys
import unicodedata
from collections.abc import Mapping
from typing import TextIO

from towpath_proto.states import KINDS, is_a

_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-Z\\-_]?")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_STEPS = (0, 95, 135, 175, 215, 255)
RESET = "\x1b[0m"
BOLD = "\x1b[1m"
DIM = "\x1b[2m"

_GLYPHS = (
    (("Skipped",), "↷", "-"),
    (("Cached",), "✓", "c"),
    (("Success",), "✓", "+"),
    (("Cancelled", "Cancelling"), "⊘", "x"),
    (("Failed",), "✗", "!"),
    (("Retrying",), "↻", "r"),
    (("Paused",), "‖", "="),
    (("Running",), "●", "*"),
    (("Submitted",), "◌", "o"),
)


def clean(text: str) -> str:
    """A text from elsewhere without what would command the terminal: escape sequences and control characters but newline and tab."""
    return _CONTROLS.sub("", _ESCAPES.sub("", text))


def width(text: str) -> int:
    """Columns that a text takes, escape sequences not counted."""
    plain = _ESCAPES.sub("", text)
    if plain.isascii():
        return len(plain)
    return sum(_columns(c) for c in plain)


def _columns(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Cf", "Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def cut(text: str, columns: int, *, more: str = "…") -> str:
    """A text of at most so many columns; what is cut off is marked. Escape sequences stay whole and cost nothing."""
    if width(text) <= columns:
        return text
    room = columns - width(more)
    if room < 0:
        return ""
    out: list[str] = []
    used = position = 0
    styled = False
    for match in [*_ESCAPES.finditer(text), None]:
        for character in text[position : match.start() if match else None]:
            step = _columns(character)
            if used + step > room:
                return "".join(out) + more + (RESET if styled else "")
            out.append(character)
            used += step
        if match:
            out.append(match.group())
            styled = match.group() != RESET
            position = match.end()
    return "".join(out)


def wants_color(stream: TextIO, env: Mapping[str, str] | None = None) -> bool:
    """Whether to colour what goes to `stream`: a terminal that is not dumb, and no NO_COLOR."""
    env = os.environ if env is None else env
    return stream.isatty() and not env.get("NO_COLOR") and env.get("TERM") != "dumb"


def speaks_unicode(stream: TextIO) -> bool:
    """Whether glyphs beyond ASCII can be written to `stream`."""
    return (stream.encoding or "").lower().replace("-", "") in ("utf8", "utf16", "utf32")


def ink(color: str, env: Mapping[str, str] | None = None) -> str:
    """The escape sequence of a `#rrggbb` colour: exact where the terminal says that it can, else the nearest of its 256."""
    env = os.environ if env is None else env
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    if env.get("COLORTERM") in ("truecolor", "24bit"):
        return f"\x1b[38;2;{red};{green};{blue}m"
    r, g, b = (min(range(6), key=lambda i, v=value: abs(_STEPS[i] - v)) for value in (red, green, blue))  # type: ignore[misc]
    return f"\x1b[38;5;{16 + 36 * r + 6 * g + b}m"


def colored(state: str, *, text: str | None = None, on: bool | None = None) -> str:
    """A text (by default the state's name) in the colour of a state.

    Args:
        state: Kind of state; an unknown one gets no colour.
        text: What to colour.
        on: Whether to colour; by default when standard output wants colour.
    """
    shown = state if text is None else text
    kind = KINDS.get(state)
    if kind is None or not (wants_color(sys.stdout) if on is None else on):
        return shown
    return f"{ink(kind.color)}{BOLD if kind.final else ''}{shown}{RESET}"


def glyph(state: str, *, unicode: bool = True) -> str:
    """One character for a state."""
    for kinds, sign, plain in _GLYPHS:
        if is_a(state, *kinds):
            return sign if unicode else plain
    return "○" if unicode else "."
