"""Widths, cuts and colours of what is shown."""

from __future__ import annotations

import pytest

from towpath.cli.style import clean, colored, cut, glyph, ink, width
from towpath_proto.states import KINDS


@pytest.mark.parametrize(
    ("text", "columns"), [("abc", 3), ("日本", 4), ("é", 1), ("e\u0301", 1), ("\x1b[31mred\x1b[0m", 3), ("a\u200bb", 2)]
)
def test_width(text: str, columns: int):
    """Wide characters take two columns, combining ones and escape sequences none."""
    assert width(text) == columns


@pytest.mark.parametrize(
    ("text", "columns", "shown"),
    [
        ("abcdef", 6, "abcdef"),
        ("abcdef", 4, "abc…"),
        ("日本語", 4, "日…"),
        ("\x1b[31mabcdef\x1b[0m", 4, "\x1b[31mabc…\x1b[0m"),
        ("abc", 0, ""),
    ],
)
def test_cut(text: str, columns: int, shown: str):
    """A cut text never takes more columns than it may, and leaves no colour behind."""
    assert cut(text, columns) == shown
    assert width(cut(text, columns)) <= columns


def test_a_log_line_cannot_command_the_terminal():
    """Escape sequences, titles, bells and carriage returns are taken out; tabs and line breaks stay."""
    assert clean("a\x1b[2Jb\x1b]0;title\x07c\rd\x07\te\nf\x9b1m") == "abcd\te\nf1m"


def test_colours_come_from_proto(monkeypatch: pytest.MonkeyPatch):
    """Each state has its colour, exact on a terminal that can, else the nearest of 256; each has a glyph, in ASCII too."""
    assert ink("#2e9e5b", {"COLORTERM": "truecolor"}) == "\x1b[38;2;46;158;91m"
    assert ink("#ff0000", {}) == "\x1b[38;5;196m"
    assert colored("Success", on=False) == "Success"
    assert colored("no such state", on=True) == "no such state"
    for kind in KINDS:
        assert "\x1b[" in colored(kind, on=True)
        assert width(glyph(kind)) == 1
        assert glyph(kind, unicode=False).isascii()
