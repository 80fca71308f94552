"""Reads a state's JSON as clients send it (Prefect 1's shape) and makes the ones that this service writes itself.

It checks what the database and the decisions rely on: a known type, an object, a bounded size, readable times. Everything else in the
JSON belongs to the client and is kept as it came.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from towpath_graphql.domain.runs import StateJson
from towpath_proto.errors import Code, TowpathError
from towpath_proto.states import WRITABLE, is_a

MAX_BYTES = 1_000_000
"""Largest state JSON, as in Prefect Server."""

_VERSION = "towpath-1"


def parse_time(text: Any) -> datetime | None:
    """An ISO time as an aware datetime in UTC; one without a zone is UTC; None for anything that is no time.

    A time that leaves the years 1 to 9999 on its way to UTC is none: the database would take it, and nobody could read it back.
    """
    if not isinstance(text, str):
        return None
    try:
        value = datetime.fromisoformat(text)
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def read(state: Any) -> StateJson:
    """Check a received state.

    Raises:
        TowpathError: `BAD_STATE` with a sentence that names what is wrong; `STATE_TOO_LARGE` above `MAX_BYTES`.
    """
    if not isinstance(state, dict):
        raise TowpathError(Code.BAD_STATE, f"A state must be a JSON object with a `type`; this one is a {type(state).__name__}.")
    kind = state.get("type")
    if not isinstance(kind, str) or kind not in WRITABLE:
        raise TowpathError(Code.BAD_STATE, f"{kind!r} is no state that can be stored; known are {', '.join(sorted(WRITABLE))}.")
    if state.get("start_time") is not None and parse_time(state["start_time"]) is None:
        raise TowpathError(Code.BAD_STATE, f"start_time of a {kind} state must be an ISO 8601 time, not {state['start_time']!r}.")
    message = state.get("message")
    if message is not None and not isinstance(message, str):
        raise TowpathError(Code.BAD_STATE, f"message of a {kind} state must be text.")
    if _may_be_large(state) and (size := len(json.dumps(state).encode())) > MAX_BYTES:
        raise TowpathError(
            Code.STATE_TOO_LARGE,
            f"This {kind} state is {size:,} bytes of JSON; at most {MAX_BYTES:,} are stored. Keep results in a Result, not in the state.",
            size=size,
        )
    return state


def _may_be_large(state: StateJson) -> bool:
    # the usual small state is recognised without writing it out: every member is short text, a number or a small object
    budget = 0
    for value in state.values():
        if isinstance(value, str):
            budget += len(value)
        elif isinstance(value, dict | list):
            members = value.values() if isinstance(value, dict) else value
            if len(value) > 8 or any(isinstance(m, dict | list | str) and len(m) > 64 for m in members):
                return True
            budget += 4096
    return budget > MAX_BYTES // 8


def start_time(state: StateJson) -> datetime | None:
    """The time from which a Scheduled-family state may run; None for none."""
    return parse_time(state.get("start_time"))


def make(kind: str, message: str, **fields: Any) -> StateJson:
    """A state that this service writes itself, in the shape of Prefect 1 (start times as ISO text)."""
    state: StateJson = {
        "type": kind,
        "message": message,
        "context": {},
        "cached_inputs": {},
        "_result": {"type": "NoResultType", "__version__": _VERSION},
        "__version__": _VERSION,
    }
    for key, value in fields.items():
        state[key] = value.isoformat() if isinstance(value, datetime) else value
    if is_a(kind, "Scheduled"):
        state.setdefault("start_time", None)
    return state
