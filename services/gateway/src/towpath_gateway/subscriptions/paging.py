"""How many rows to ask for at once, when it is not known how long a row is.

A page that is too long for a client to take, or for the gateway to hold, does not come at all, so pages are kept to about the same length
in bytes: they begin small, grow while they are short, and shrink when they are long.
"""

from __future__ import annotations

PAGE = 1_000
"""Rows at most."""
FIRST_PAGE = 20
"""Rows of the first page, which is read before anything is known of their length."""
PAGE_BYTES = 524_288
"""About the length of a page."""
LONGEST_PAGE = 1_000_000
"""Bytes of a page at most, unless it is a single row: common WebSocket clients refuse messages over 1 MiB."""
_SHRINKING = 8


class Paging:
    """The number of rows of the next page.

    Attributes:
        rows: That number.
    """

    def __init__(self) -> None:
        self.rows = FIRST_PAGE

    def accepts(self, size: int, count: int) -> bool:
        """Whether a page of so many bytes and rows is to be sent; else it is to be asked for anew, with fewer rows."""
        asked = self.rows
        if size > PAGE_BYTES:
            accepted = size <= LONGEST_PAGE or asked == 1
            self.rows = max(1, min(asked if accepted else asked // 2, count * PAGE_BYTES // size))
            return accepted
        if count >= asked and 2 * size <= PAGE_BYTES:
            self.rows = min(PAGE, 2 * asked)
        return True

    def shrink(self) -> bool:
        """Ask for fewer rows, since a page was too long to be had; whether that is possible."""
        possible = self.rows > 1
        self.rows = max(1, self.rows // _SHRINKING)
        return possible
