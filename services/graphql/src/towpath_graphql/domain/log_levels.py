"""The level under which a log line is stored: one of five, by which people filter, whatever levels a program has made for itself."""

from __future__ import annotations

import re
from typing import Any

_NUMBERS = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40, "CRITICAL": 50}
_ALSO = {"TRACE": "DEBUG", "WARN": "WARNING", "FATAL": "CRITICAL", "EXCEPTION": "ERROR"}
_NUMBERED = re.compile(r"(?:LEVEL )?(\d{1,9})")
"""How Python's logging calls a level without a name."""


def level_of(given: Any) -> str:
    """The stored level for a given one.

    Args:
        given: A level's name in any case, its number, or Python's `Level 25`. A number counts as the level at or below it.

    Returns:
        DEBUG, INFO, WARNING, ERROR or CRITICAL; INFO for none and for names that say nothing.
    """
    name = str(given or "INFO").strip().upper()
    if name in _NUMBERS:
        return name
    if numbered := _NUMBERED.fullmatch(name):
        return next((k for k, n in reversed(_NUMBERS.items()) if n <= int(numbered[1])), "DEBUG")
    return _ALSO.get(name, "INFO")
