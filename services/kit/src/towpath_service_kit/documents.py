"""What GraphQL documents have in common when clients write other values into the same text, as Prefect 1's does with ids."""

from __future__ import annotations

import re

_LITERAL = re.compile(
    r'"""(?:[^"\\]++|\\"""|\\|"(?!""))*+"""'  # a block string
    r'|(?!""")"(?:[^"\\\n\r]++|\\.)*+"'  # a string
    # one that is not finished, and all that follows: else each later quotation mark would be tried again, in quadratic time
    r'|(")(?s:.*+)'
    r"|#[^\n\r]*+"  # a comment
    r"|(?<![\w.])-?\d[\w.+]*+(?:-\d++)?"  # a number
)


def shape(text: str) -> str:
    """The document with each string, number and comment replaced by `0`: documents that differ in literals only have one shape.

    A text with an unfinished string keeps a quotation mark, so it never has the shape of a document that can be parsed.
    """
    return _LITERAL.sub(r"0\1", text)
