"""What the parts of `Client` need of the whole: somebody who sends a document."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from towpath.client import documents

Row = dict[str, Any]


class Asking(ABC):
    """Base of the parts that are mixed into `Client`; they hold no state."""

    @abstractmethod
    def graphql(self, query: str, variables: Mapping[str, Any] | None = None) -> Row:
        """Send a document and return its `data`."""

    def _mutate(self, document: str, field: str, value: Mapping[str, Any]) -> Row:
        """Send a mutation with the one argument `input`, in which None says nothing; returns the answer's `field`."""
        answer = self.graphql(document, {"input": {k: v for k, v in value.items() if v is not None}})[field]
        return answer if isinstance(answer, dict) else {}

    def auth_info(self) -> Row:
        """Who this client is to the API: `tenant_id`, `user_id`, `role`, `actor`."""
        found: Row = self.graphql(documents.AUTH_INFO)["auth_info"] or {}
        return found


def rows(found: Any) -> list[Row]:
    """A list of the answer; empty for none."""
    return list(found or [])
