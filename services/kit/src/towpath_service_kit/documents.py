"""What GraphQL documents have in common when clients write other values into the same text, as Prefect 1's does with ids."""

from __future__ import annotations

import itertools
import re

_LITERAL = re.compile(
    r'("""(?:[^"\\]++|\\"""|\\|"(?!""))*+"""'  # a block string
    r'|(?!""")"(?:[^"\\\n\r]++|\\.)*+"'  # a string
    # one that is not finished, and all that follows: else each later quotation mark would be tried again, in quadratic time
    r'|(")(?s:.*+)'
    r"|#[^\n\r]*+"  # a comment
    r"|(?<![\w.])-?\d[\w.+]*+(?:-\d++)?)"  # a number
)


def take_apart(text: str) -> tuple[str, list[str]]:
    """The shape of a document, and what was replaced in it: strings, numbers and comments in their order.

    A text with an unfinished string keeps a quotation mark, so it never has the shape of a document that can be parsed. What was replaced
    stands apart from names, which may end in a digit.
    """
    parts = _LITERAL.split(text)  # what stands between literals, a literal, its quotation mark if it is not finished, ...
    shaped = " 0 ".join(parts[::3])
    return (shaped + '"' if len(parts) > 1 and parts[-2] else shaped), parts[1::3]


def shape(text: str) -> str:
    """The document with each string, number and comment replaced by `0`: documents that differ in literals only have one shape."""
    return take_apart(text)[0]


def numbered(text: str) -> str:
    """The document with each literal replaced by its position, from 0: strings by strings, all others by numbers."""
    positions = itertools.count()
    return _LITERAL.sub(lambda literal: f'"{next(positions)}"' if literal[0].startswith('"') else str(next(positions)), text)
