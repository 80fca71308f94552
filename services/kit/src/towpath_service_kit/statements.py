"""SQL with named parameters, as it stands in a `.sql` file, read once."""

from __future__ import annotations

import re

from psycopg.adapt import PyFormat

_PLACE = re.compile(rb"%(?:\(([a-z_]+)\)s|%)")


class Statement:
    """A statement.

    Args:
        template: With `%(name)s` for parameters and `%%` for a percent sign, as psycopg writes them.

    Attributes:
        text: With `$1` and so on.
        names: The parameters, in the order of their numbers.
    """

    __slots__ = ("formats", "names", "text")

    def __init__(self, template: bytes) -> None:
        numbers: dict[str, int] = {}

        def place(found: re.Match[bytes]) -> bytes:
            if found[1] is None:
                return b"%"
            return b"$%d" % numbers.setdefault(found[1].decode(), len(numbers) + 1)

        self.text = _PLACE.sub(place, template)
        self.names = tuple(numbers)
        self.formats = [PyFormat.AUTO] * len(numbers)
