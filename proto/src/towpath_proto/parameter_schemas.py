"""What values a flow's parameter takes: a small part of JSON Schema, and the one judge of a value that SDK and service share.

A serialised parameter carries `schema` and `enforced`. The schema has the keys `type` ("integer", "number", "string", "boolean", "array"
or "object"), `format` ("date-time", for strings), `items` (a schema, for arrays), `enum` (the only values) and `description`; each may be
missing. Forms are made of the schema; values are refused by it only where `enforced` is true, that is, where the author has said what the
parameter takes. A schema that was derived from a default guides and refuses nothing. `null` is taken wherever nothing is required.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from towpath_proto.errors import Code, TowpathError

Schema = dict[str, Any]

NAMES = {
    "integer": "an integer",
    "number": "a number",
    "string": "a string",
    "boolean": "true or false",
    "array": "an array",
    "object": "an object",
}
"""The types, as sentences name them."""

LONGEST_SHOWN = 60


def type_of(value: Any) -> str | None:
    """The JSON Schema type of a value; None for null and for what is no JSON."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str | datetime):
        return "string"
    for kinds, name in (((int,), "integer"), ((float,), "number"), ((list, tuple), "array"), ((dict,), "object")):
        if isinstance(value, kinds):
            return name
    return None


def derived(default: Any) -> Schema | None:
    """The schema that a default suggests; None if it suggests nothing."""
    kind = type_of(default)
    return None if kind is None else {"type": kind}


def misfit(schema: Mapping[str, Any], value: Any) -> str | None:
    """Why a value does not fit a schema: 'must be …; got …'. None if it fits."""
    choices = schema.get("enum")
    if isinstance(choices, list) and choices:
        if any(_same(choice, value) for choice in choices):
            return None
        return f"must be one of {', '.join(map(_shown, choices))}; got {_told(value)}"
    wanted = schema.get("type")
    if wanted not in NAMES:
        return None
    found = type_of(value)
    if found != wanted and not (wanted == "number" and found == "integer"):
        return f"must be {NAMES[wanted]}; got {_told(value)}"
    if schema.get("format") == "date-time" and not _is_moment(value):
        return f"must be a date and time in ISO 8601, such as 2026-01-31T08:00:00+00:00; got {_told(value)}"
    items = schema.get("items")
    if wanted == "array" and isinstance(items, Mapping):
        for position, item in enumerate(value):
            if reason := misfit(items, item):
                return f"element {position} {reason}"
    return None


def check(parameters: Iterable[Mapping[str, Any]], values: Mapping[str, Any], *, flow_name: str) -> None:
    """Refuse values that do not fit their parameters.

    Args:
        parameters: The flow's parameters as registered: `{name, required, schema, enforced}`.
        values: Values by name; what is missing is not judged.
        flow_name: For the sentence.

    Raises:
        TowpathError: `BAD_PARAMETERS`, naming each parameter at fault, what it takes and what it got.
    """
    reasons = {}
    for parameter in parameters:
        name, schema = str(parameter.get("name")), parameter.get("schema")
        if not parameter.get("enforced") or not isinstance(schema, Mapping) or name not in values:
            continue
        if values[name] is None and not parameter.get("required"):
            continue
        if reason := misfit(schema, values[name]):
            reasons[name] = reason
    if reasons:
        told = "; ".join(f"parameter '{name}' {reason}" for name, reason in reasons.items())
        raise TowpathError(Code.BAD_PARAMETERS, f"Flow '{flow_name}': {told}.", parameters=reasons)


def _same(one: Any, other: Any) -> bool:
    # 1 and True are equal in Python and different in JSON
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _is_moment(value: Any) -> bool:
    if isinstance(value, datetime):
        return True
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def _told(value: Any) -> str:
    if value is None:
        return "null"
    kind = type_of(value)
    return f"{_shown(value)} ({NAMES[kind] if kind else type(value).__name__})"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"
