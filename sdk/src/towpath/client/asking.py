"""What the parts of `Client` need of the whole: somebody who sends a document."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

Row = dict[str, Any]


class Asking(ABC):
    """Base of the parts that are mixed into `Client`; they hold no state."""

    @abstractmethod
    def graphql(self, query: str, variables: Mapping[str, Any] | None = None) -> Row:
        """Send a document and return its `data`."""
