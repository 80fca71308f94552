"""Encode a GraphQL request, decode its answer, map its errors to `TowpathError`.

Standard library only, and no sockets: the SDK and the services bring their own transport.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from towpath_proto.errors import Code, TowpathError


def _default(value: Any) -> str:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("a datetime on the wire must know its time zone")
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be sent as JSON")


def encode(query: str, variables: Mapping[str, Any] | None = None, operation_name: str | None = None) -> bytes:
    """The body of a GraphQL request. Datetimes (aware) and UUIDs become text.

    Raises:
        TowpathError: `BAD_REQUEST` when a variable cannot be sent as JSON.
    """
    body: dict[str, Any] = {"query": query}
    if variables is not None:
        body["variables"] = variables
    if operation_name is not None:
        body["operationName"] = operation_name
    try:
        return json.dumps(body, default=_default, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError) as e:
        raise TowpathError(Code.BAD_REQUEST, f"A variable of the request cannot be written as JSON: {e}.") from e


def error_from(entry: Mapping[str, Any]) -> TowpathError:
    """One entry of a GraphQL `errors` list as an exception; an unknown code becomes `API_ERROR`."""
    extensions = dict(entry.get("extensions") or {})
    text = extensions.pop("code", None)
    try:
        code = Code(text)
    except ValueError:
        code = Code.API_ERROR
        if text is not None:
            extensions["remote_code"] = text
    extensions.pop("message", None)
    return TowpathError(code, str(entry.get("message") or "The server reported an error without a message."), **extensions)


def decode(status: int, body: bytes) -> dict[str, Any]:
    """The `data` of a GraphQL answer.

    Args:
        status: HTTP status.
        body: The answer's bytes.

    Raises:
        TowpathError: The first error of the answer; `UNAVAILABLE` for 502, 503 and 504; `API_ERROR` when the body is no GraphQL answer.
    """
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    if isinstance(answer, dict):
        errors = answer.get("errors")
        if errors and isinstance(errors, list) and isinstance(errors[0], dict):
            raise error_from(errors[0])
        data = answer.get("data")
        if status < 400 and isinstance(data, dict):
            return data
    if status in (502, 503, 504):
        raise TowpathError(Code.UNAVAILABLE, f"The Towpath API is not available (HTTP {status}); try again.", status=status)
    sentence = f"The answer (HTTP {status}) is no GraphQL answer; is this the address of a Towpath API?"
    raise TowpathError(Code.API_ERROR, sentence, status=status)
