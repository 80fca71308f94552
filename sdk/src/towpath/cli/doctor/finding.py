"""What one check has found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "warning", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check.

    Attributes:
        name: What was checked.
        status: How it is. Only `failed` makes the command fail.
        detail: What was seen.
        advice: What to do about it.
    """

    name: str
    status: Status
    detail: str
    advice: str = ""


def ok(name: str, detail: str) -> Finding:
    """All is well."""
    return Finding(name, "ok", detail)


def warning(name: str, detail: str, advice: str = "") -> Finding:
    """It works, and a person should know."""
    return Finding(name, "warning", detail, advice)


def failed(name: str, detail: str, advice: str = "") -> Finding:
    """It is broken."""
    return Finding(name, "failed", detail, advice)


def skipped(name: str, detail: str) -> Finding:
    """It could not be checked."""
    return Finding(name, "skipped", detail)


Check = Callable[..., Iterator[Finding]]
