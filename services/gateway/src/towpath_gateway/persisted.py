"""Documents known by their SHA-256: Apollo's automatic persisted queries, and a list of the only documents that people may send.

A client sends `extensions: {persistedQuery: {version: 1, sha256Hash}}` alone; a hash that nobody has sent with its document yet is
`PERSISTED_QUERY_NOT_FOUND`, and the client sends both. A name that is the hash of its text cannot be given to another text, so tenants
share the memory. What has come from clients is bounded and forgotten; what the list holds is not.

The list is a file: Apollo's manifest (`{"format": "apollo-persisted-query-manifest", "operations": [{"id", "body"}]}`) or an object from
ids to documents, as Relay's compiler writes it.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from towpath_gateway.asking import Ask
from towpath_gateway.backends import Caller
from towpath_proto.errors import Code, TowpathError
from towpath_service_kit.identity import Role

REMEMBERED_BYTES = 4_000_000
"""Memory of all documents together that clients have taught."""
_ENTRY = 200
"""Bytes of an entry in an ordered dict, about."""
_OURS = frozenset({Role.SERVICE, Role.AGENT, Role.RUN})
"""Roles of our own programs, which are not held to the list."""


class Persisted:
    """Knows documents by their hashes.

    Args:
        listed: The documents of the list, by their ids.
        only: Whether people may send no others.
        size: Bytes of documents from clients that are remembered, as they lie in memory.
    """

    def __init__(self, listed: Mapping[str, str] | None = None, *, only: bool = False, size: int = REMEMBERED_BYTES) -> None:
        self._listed = dict(listed or {})
        self._texts = frozenset(self._listed.values())
        self._only = only
        self._size = size
        self._taught: OrderedDict[str, str] = OrderedDict()
        self._bytes = 0

    def complete(self, ask: Ask, caller: Caller) -> Ask:
        """The request with its document.

        Raises:
            TowpathError: `PERSISTED_QUERY_NOT_FOUND`; `BAD_REQUEST` for a hash that is not the document's; `FORBIDDEN` for a document
                that is not on the list.
        """
        if ask.document_id is not None:
            ask = self._by_id(ask, ask.document_id)
        if self._only and ask.query not in self._texts and caller.identity.role not in _OURS:
            raise TowpathError(
                Code.FORBIDDEN,
                "This installation answers listed documents only; add this one to the file that TOWPATH_PERSISTED_QUERIES names.",
            )
        return ask

    def _by_id(self, ask: Ask, document_id: str) -> Ask:
        known = self._listed.get(document_id) or self._taught.get(document_id)
        if not ask.query:
            if known is None:
                # Apollo's clients look for this very sentence.
                raise TowpathError(
                    Code.PERSISTED_QUERY_NOT_FOUND, "PersistedQueryNotFound", advice="send the document together with its hash once"
                )
            if document_id in self._taught:
                self._taught.move_to_end(document_id)
            return replace(ask, query=known)
        if known != ask.query:
            if hashlib.sha256(ask.query.encode("utf-8", "surrogatepass")).hexdigest() != document_id:
                raise TowpathError(Code.BAD_REQUEST, "sha256Hash is not the SHA-256 of the query; send the hash of its UTF-8 text in hex.")
            self._learn(document_id, ask.query)
        return ask

    def _learn(self, document_id: str, text: str) -> None:
        self._taught[document_id] = text
        self._bytes += _held(document_id, text)
        while self._bytes > self._size:
            self._bytes -= _held(*self._taught.popitem(last=False))


def _held(document_id: str, text: str) -> int:
    """Bytes that a document takes: a text with one letter of a far alphabet has four for each character."""
    return sys.getsizeof(document_id) + sys.getsizeof(text) + _ENTRY


def read_list(path: str) -> dict[str, str]:
    """The documents of a list, by their ids.

    Raises:
        TowpathError: `BAD_SETTING`.
    """
    try:
        value: Any = json.loads(Path(path).read_text(encoding="utf-8"))
        if isinstance(value, dict) and isinstance(value.get("operations"), list):
            value = {operation["id"]: operation["body"] for operation in value["operations"]}
        if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
            raise TypeError("neither a manifest nor an object from ids to documents")
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise TowpathError(
            Code.BAD_SETTING,
            f"The list of documents {path} cannot be read ({e}); correct it, or the setting TOWPATH_PERSISTED_QUERIES.",
            setting="TOWPATH_PERSISTED_QUERIES",
        ) from None
    return value
