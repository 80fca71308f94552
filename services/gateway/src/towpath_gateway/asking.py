"""What a client asks, read from the JSON of an HTTP body or of a WebSocket message.

Prefect 1's client sends `variables` as JSON text (`"null"` when there are none); others send an object or nothing. It checks form only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from towpath_gateway.limits import exceeded
from towpath_proto.errors import Code, TowpathError


@dataclass(frozen=True, slots=True)
class Ask:
    """One GraphQL request.

    Attributes:
        query: The document's text; empty when only its id was sent.
        variables: The variables, decoded.
        operation_name: The operation to run, if the document holds several.
        document_id: The document's SHA-256 in hex, or its id in the list of documents, if the client named it.
    """

    query: str
    variables: Mapping[str, Any] = field(default_factory=dict)
    operation_name: str | None = None
    document_id: str | None = None


def read_json(body: bytes) -> Any:
    """The JSON value of a body.

    Raises:
        TowpathError: `BAD_REQUEST`.
    """
    try:
        return _JSON.decode(body.decode(json.detect_encoding(body), "surrogatepass"))
    except (ValueError, RecursionError) as e:  # a decoding error is a ValueError, too
        reason = "it nests too deeply" if isinstance(e, RecursionError) else str(e)
        raise TowpathError(Code.BAD_REQUEST, f"The body is not JSON ({reason}); send {{query, variables, operationName}}.") from None


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


_JSON = json.JSONDecoder(parse_constant=_no_constant)
"""Made once: `json.loads` with an option makes one for each text."""


def read_ask(value: Any) -> Ask:
    """One request.

    Raises:
        TowpathError: `BAD_REQUEST`.
    """
    if not isinstance(value, dict):
        raise TowpathError(Code.BAD_REQUEST, "A request is a JSON object {query, variables, operationName}; this is none.")
    query = value.get("query")
    document_id = _document_id(value) if "extensions" in value or "documentId" in value else None
    if query is None and document_id is not None:
        query = ""
    elif not isinstance(query, str) or not query.strip():
        raise TowpathError(Code.BAD_REQUEST, "The request has no query; put the GraphQL document there as text.")
    variables = value.get("variables")
    if isinstance(variables, str):
        try:
            variables = _JSON.decode(variables) if variables.strip() else None
        except (ValueError, RecursionError) as e:
            raise TowpathError(Code.BAD_REQUEST, f"The variables are text and not JSON ({e}); send an object.") from None
    if variables is None:
        variables = {}
    if not isinstance(variables, dict):
        raise TowpathError(Code.BAD_REQUEST, "The variables must be a JSON object, such an object as JSON text, or null.")
    name = value.get("operationName")
    if name is not None and not isinstance(name, str):
        raise TowpathError(Code.BAD_REQUEST, "operationName must be text or null.")
    return Ask(query, variables, name or None, document_id)


def _document_id(value: Mapping[str, Any]) -> str | None:
    """The id of a persisted document, as Apollo's clients name it or as GraphQL over HTTP does."""
    extensions = value.get("extensions")
    if extensions is not None and not isinstance(extensions, dict):
        raise TowpathError(Code.BAD_REQUEST, "extensions must be a JSON object or null.")
    persisted = (extensions or {}).get("persistedQuery")
    found = value.get("documentId")
    if persisted is not None:
        if not isinstance(persisted, dict) or persisted.get("version") != 1:
            raise TowpathError(Code.BAD_REQUEST, "persistedQuery must be {version: 1, sha256Hash}; other versions are not known here.")
        found = persisted.get("sha256Hash")
    if found is not None and (not isinstance(found, str) or not 0 < len(found) <= 256):
        raise TowpathError(Code.BAD_REQUEST, "The id of a persisted document is a text of 1 to 256 characters.")
    return found


def read_asks(body: bytes, *, batch: int) -> tuple[list[Ask | TowpathError], bool]:
    """The requests of an HTTP body, and whether it is a batch. In a batch a request of bad form is an error in its place.

    Raises:
        TowpathError: `BAD_REQUEST`, or `LIMIT_EXCEEDED` for a batch that is too long.
    """
    value = read_json(body)
    if not isinstance(value, list):
        return [read_ask(value)], False
    if not value:
        raise TowpathError(Code.BAD_REQUEST, "The batch is empty; send at least one request.")
    if len(value) > batch:
        raise exceeded(f"The batch holds {len(value)} requests", batch, "send several batches")
    asks: list[Ask | TowpathError] = []
    for item in value:
        try:
            asks.append(read_ask(item))
        except TowpathError as e:
            asks.append(e)
    return asks, True
