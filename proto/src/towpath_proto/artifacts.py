"""What an artifact of a task run may be: the one rule for who makes it and for who stores it."""

from __future__ import annotations

import json
from typing import Any

from towpath_proto.errors import Code, TowpathError

LINK = "link"
"""Kind of `{link}`: an address."""
MARKDOWN = "markdown"
"""Kind of `{markdown}`: a document."""
MAX_BYTES = 1_000_000
"""Largest data, as JSON in UTF-8."""
LONGEST_KIND = 100


def check(kind: Any, data: Any) -> None:
    """Refuse what is no artifact.

    Raises:
        TowpathError: `BAD_REQUEST` for a kind that is no short name and for data that is nothing; `PAYLOAD_TOO_LARGE` above `MAX_BYTES`.
    """
    if not isinstance(kind, str) or not kind.strip() or len(kind) > LONGEST_KIND:
        raise TowpathError(
            Code.BAD_REQUEST, f"An artifact's kind is a name such as link or markdown, of {LONGEST_KIND} characters at most."
        )
    if data is None:
        raise TowpathError(Code.BAD_REQUEST, "An artifact needs data, such as {link} or {markdown}.")
    size = len(json.dumps(data, ensure_ascii=False, separators=(",", ":"), default=str).encode("utf-8", "replace"))
    if size > MAX_BYTES:
        sentence = (
            f"An artifact may be {MAX_BYTES:,} bytes of JSON at most; this one is {size:,}. Keep it elsewhere, and make a link to it."
        )
        raise TowpathError(Code.PAYLOAD_TOO_LARGE, sentence)
